// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hsm/scheme/scheme.h"

namespace mortise::hsm {

// RSA-OAEP with an authenticator by a second key in the token, because by OAEP alone anyone
// who has the public key could wrap a seed of his choice. Encrypted in software with the public
// half; the tag is checked before anything reaches the private key.
class RsaOaep final : public Scheme {
 public:
  explicit RsaOaep(SchemeId scheme);  // one of the four kRsaOaep...

  std::string Wrap(const Session& session, const KekObjects& kek, const WrapIdentity& identity,
                   ByteView seed) override;
  SecretBytes Unwrap(const Session& session, const KekObjects& kek, const WrapIdentity& identity,
                     const Envelope& envelope) override;

 private:
  Bytes SignedMessage(const WrapIdentity& identity, ByteView body) const;
  Digest BindingOf(const WrapIdentity& identity) const;
  bool IsAuthentic(const Session& session, const KekObjects& kek, const WrapIdentity& identity,
                   const Envelope& envelope) const;

  const SchemeId scheme_;
  const OaepHash hash_;
  const bool is_signed_;  // else it has a MAC
};

}  // namespace mortise::hsm
