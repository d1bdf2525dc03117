// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/secret_bytes.h"
#include "hsm/cryptoki/session.h"
#include "hsm/scheme/binding.h"
#include "hsm/scheme/envelope.h"
#include "hsm/scheme/kek_objects.h"

namespace mortise::hsm {

// What is bound into every wrap beside the envelope's own header (FORMATS.md, Binding).
struct WrapIdentity {
  Purpose purpose;
  std::string_view keyring;
  std::string_view context;
  std::string_view key_id;
  // Mode `fips`: an IV that the token did not make itself is refused.
  bool forbids_caller_iv = false;
};

// How a DEK seed of 1..128 bytes is wrapped by a KEK in the token. Stateless but for
// what guards against repeated IVs; thread-safe. Any Error ends the session's
// usefulness: the caller closes it (see Session::Encrypt).
class Scheme {
 public:
  virtual ~Scheme() = default;

  // The envelope.
  virtual std::string Wrap(const Session& session, const KekObjects& kek,
                           const WrapIdentity& identity, ByteView seed) = 0;

  // The seed; authenticated, or Error.
  virtual SecretBytes Unwrap(const Session& session, const KekObjects& kek,
                             const WrapIdentity& identity, const Envelope& envelope) = 0;
};

}  // namespace mortise::hsm
