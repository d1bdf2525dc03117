// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hsm/scheme/recent_ivs.h"
#include "hsm/scheme/scheme.h"

namespace mortise::hsm {

// Raw CKM_AES_CBC, then HMAC-SHA256 over binding, IV and ciphertext by a second key, both in
// the token: for tokens that have nothing better. Raw, because what tokens make of
// CKM_AES_CBC_PAD differs. The tag is checked before anything is decrypted.
class AesCbcHmac final : public Scheme {
 public:
  std::string Wrap(const Session& session, const KekObjects& kek, const WrapIdentity& identity,
                   ByteView seed) override;
  SecretBytes Unwrap(const Session& session, const KekObjects& kek, const WrapIdentity& identity,
                     const Envelope& envelope) override;

 private:
  RecentIvs recent_ivs_;
};

}  // namespace mortise::hsm
