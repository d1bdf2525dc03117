// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hsm/scheme/recent_ivs.h"
#include "hsm/scheme/scheme.h"

namespace mortise::hsm {

// CKM_AES_GCM with a 128-bit tag, the binding as additional authenticated data
// (SP 800-38D). IV mode `caller`: 12 bytes of the token's generator XOR the kernel's,
// so that either one suffices (§8.2.2, RBG-based construction).
class AesGcm final : public Scheme {
 public:
  std::string Wrap(const Session& session, const KekObjects& kek, const WrapIdentity& identity,
                   ByteView seed) override;
  SecretBytes Unwrap(const Session& session, const KekObjects& kek, const WrapIdentity& identity,
                     const Envelope& envelope) override;

 private:
  RecentIvs recent_ivs_;
};

}  // namespace mortise::hsm
