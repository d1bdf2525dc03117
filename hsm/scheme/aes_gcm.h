// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>

#include "config/config.h"
#include "hsm/scheme/recent_ivs.h"
#include "hsm/scheme/scheme.h"

namespace mortise::hsm {

// CKM_AES_GCM with a 128-bit tag, the binding as additional authenticated data
// (SP 800-38D). The IV mode says who makes the IV and how it comes back; what was wrapped in
// any of them is unwrapped without knowing it. A wrong mode under a KEK may use a zero IV
// without a word, so a mode is proved on a throw-away key first (scheme_probe.h), and an IV
// that is zero, known or missing ends all wrapping by this object.
class AesGcm final : public Scheme {
 public:
  explicit AesGcm(config::IvMode mode);  // any but kAuto

  std::string Wrap(const Session& session, const KekObjects& kek, const WrapIdentity& identity,
                   ByteView seed) override;
  SecretBytes Unwrap(const Session& session, const KekObjects& kek, const WrapIdentity& identity,
                     const Envelope& envelope) override;

 private:
  struct Job;
  std::string WrapByToken(const Job& job);
  std::string WrapByCaller(const Job& job);
  std::string WrapWrittenBack(const Job& job);
  std::string WrapAppended(const Job& job);
  std::string WrapPrepended(const Job& job);
  std::string WrapMessage(const Job& job);

  const config::IvMode mode_;
  RecentIvs recent_ivs_;
  // Of the mode `appended`: 12 or 16 bytes, as the firmware likes; learnt from the first.
  std::atomic<std::size_t> appended_size_{16};
};

}  // namespace mortise::hsm
