// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hsm/scheme/scheme.h"

namespace mortise::hsm {

// CKM_AES_KEY_WRAP_KWP by C_Encrypt (SP 800-38F, RFC 5649). It needs no IV and takes no
// associated data, so the binding is wrapped with the seed. Deterministic: equal seeds give
// equal envelopes.
class AesKwp final : public Scheme {
 public:
  std::string Wrap(const Session& session, const KekObjects& kek, const WrapIdentity& identity,
                   ByteView seed) override;
  SecretBytes Unwrap(const Session& session, const KekObjects& kek, const WrapIdentity& identity,
                     const Envelope& envelope) override;
};

}  // namespace mortise::hsm
