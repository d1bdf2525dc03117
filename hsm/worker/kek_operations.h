// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>

#include "hsm/scheme/aes_cbc_hmac.h"
#include "hsm/scheme/aes_gcm.h"
#include "hsm/scheme/aes_kwp.h"
#include "hsm/scheme/rsa_oaep.h"
#include "hsm/worker/key_table.h"
#include "hsm/worker/session_keeper.h"

namespace mortise::hsm {

// What a worker does with a KEK. Thread-safe; each thread brings its own session.
// After an Error the session may be wedged, unless a function says otherwise.
class KekOperations {
 public:
  // `gcm_iv`: how the token of these sessions comes by the IVs of CKM_AES_GCM. `auto` is
  // resolved before the first wrap by aes-gcm, on a throw-away key; unwrapping never needs it.
  explicit KekOperations(config::IvMode gcm_iv);

  std::string Wrap(const Session& session, const HeldKek& keys, const KekView& kek, Purpose purpose,
                   ByteView seed);

  // The envelope, unwrapped once to what was wrapped; else Error(kProofFailed), with the
  // token's return code where it clearly refused its own wrap.
  std::string WrapAndProve(const Session& session, const HeldKek& keys, const KekView& kek,
                           Purpose purpose, ByteView seed);

  SecretBytes Unwrap(const Session& session, const HeldKek& keys, const KekView& kek,
                     Purpose purpose, ByteView envelope);

  // Throws Error(kCiphertextRefused) when the canary does not open, or opens to other bytes.
  void OpenCanary(const Session& session, const HeldKek& keys, const KekView& kek);

  // A new canary: its proof (32 bytes), then its envelope. The plaintext stays here.
  std::string MakeCanary(const Session& session, const HeldKek& keys, const KekView& kek);

  // A wrap and unwrap under a throw-away key: does the token work at all? Throws Error when
  // it does not, kKeyRefused where it has no throw-away keys.
  void ProveToken(const Session& session);

  // DESIGN's self-test of the key itself: two equal wraps differ, both open, and a flipped
  // bit of ciphertext, tag, IV or binding fails. Renews the session after each expected
  // failure. Throws Error(kProofFailed).
  void SelfTest(SessionKeeper& keeper, const HeldKek& keys, const KekView& kek);

 private:
  Scheme& SchemeOf(SchemeId scheme);  // to unwrap
  Scheme& WrapperOf(const Session& session, SchemeId scheme);
  SecretBytes Open(const Session& session, const HeldKek& keys, const KekView& kek, Purpose purpose,
                   ByteView envelope);

  const config::IvMode configured_iv_;
  std::mutex resolving_;
  std::optional<AesGcm> gcm_;                   // guarded by resolving_
  std::atomic<AesGcm*> resolved_gcm_{nullptr};  // gcm_, once it is there
  AesGcm gcm_opener_{config::IvMode::kCaller};
  AesKwp aes_kwp_;
  AesCbcHmac aes_cbc_hmac_;
  RsaOaep rsa_oaep_hmac_{SchemeId::kRsaOaepHmac};
  RsaOaep rsa_oaep_sign_{SchemeId::kRsaOaepSign};
  RsaOaep rsa_oaep_hmac_sha1_{SchemeId::kRsaOaepHmacSha1};
  RsaOaep rsa_oaep_sign_sha1_{SchemeId::kRsaOaepSignSha1};
};

}  // namespace mortise::hsm
