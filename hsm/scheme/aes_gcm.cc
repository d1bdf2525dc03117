// SPDX-License-Identifier: Apache-2.0
#include "hsm/scheme/aes_gcm.h"

#include <algorithm>
#include <array>

#include "hsm/scheme/fresh_iv.h"
#include "hsm/scheme/output_room.h"
#include "hsm/scheme/payload.h"
#include "hsm/scheme/refusal.h"

namespace mortise::hsm {

// What each mode does: `seed` under `kek`, with this identity bound to it.
struct AesGcm::Job {
  const Session& session;
  CK_OBJECT_HANDLE key;
  const WrapIdentity& identity;
  ByteView seed;
};

namespace {

using config::IvMode;

constexpr std::size_t kIvSize = 12;
constexpr std::size_t kLongIvSize = 16;
constexpr std::size_t kTagSize = 16;

Digest AadFor(const WrapIdentity& identity, std::size_t iv_size) {
  return BindingFor(identity, EnvelopeHeader(SchemeId::kAesGcm, iv_size, kTagSize));
}

CK_GCM_PARAMS Parameters(ByteView iv, const Digest& aad) {
  return {
      .pIv = iv.empty() ? nullptr : const_cast<CK_BYTE*>(iv.data()),
      .ulIvLen = iv.size(),
      .ulIvBits = iv.size() * 8,  // NSS and Luna insist on it
      .pAAD = const_cast<CK_BYTE*>(aad.data()),
      .ulAADLen = aad.size(),
      .ulTagBits = kTagSize * 8,
  };
}

std::size_t Encrypt(const Session& session, CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE mechanism,
                    CK_GCM_PARAMS parameters, ByteView seed, OutputRoom& room) {
  return session.Encrypt({mechanism, &parameters, sizeof(parameters)}, key, seed, room.span());
}

// `sealed`: ciphertext and tag.
std::string Enveloped(ByteView iv, ByteView sealed, ByteView seed) {
  RequireEncrypted(sealed, seed);
  return Serialize(SchemeId::kAesGcm, iv, sealed.first(seed.size()), sealed.last(kTagSize));
}

}  // namespace

AesGcm::AesGcm(IvMode mode) : mode_(mode) {}

std::string AesGcm::Wrap(const Session& session, const KekObjects& kek,
                         const WrapIdentity& identity, ByteView seed) {
  const Job job{session, kek.wrap, identity, seed};
  if (mode_ == IvMode::kCaller) return WrapByCaller(job);
  recent_ivs_.RequireTrust();
  try {
    return WrapByToken(job);
  } catch (const Error& error) {
    // The token may have used a zero IV: not once more under this key.
    if (error.reason() == Reason::kProofFailed) recent_ivs_.Distrust(error.what());
    throw;
  }
}

std::string AesGcm::WrapByToken(const Job& job) {
  switch (mode_) {
    case IvMode::kWrittenBack:
      return WrapWrittenBack(job);
    case IvMode::kAppended:
      return WrapAppended(job);
    case IvMode::kPrepended:
      return WrapPrepended(job);
    case IvMode::kMessageRandom:
      return WrapMessage(job);
    case IvMode::kAuto:
    case IvMode::kCaller:
      break;
  }
  throw Error(Reason::kInternal, "a token's IV mode was never resolved");
}

std::string AesGcm::WrapByCaller(const Job& job) {
  if (job.identity.forbids_caller_iv) {
    throw Error(
        Reason::kKeyRefused,
        "policy mode fips forbids IVs that the token did not make; set tokens[].ivMode to one "
        "of its own, or policy.mode to strict");
  }
  const auto iv = FreshIv<kIvSize>(job.session);
  recent_ivs_.Admit(iv);
  const Digest aad = AadFor(job.identity, kIvSize);
  OutputRoom room;
  const std::size_t size =
      Encrypt(job.session, job.key, CKM_AES_GCM, Parameters(iv, aad), job.seed, room);
  return Enveloped(iv, room.Exactly(job.seed.size() + kTagSize, size, "C_Encrypt"), job.seed);
}

std::string AesGcm::WrapWrittenBack(const Job& job) {
  std::array<std::uint8_t, kIvSize> iv{};  // zeros, into which the token writes its own
  const Digest aad = AadFor(job.identity, kIvSize);
  OutputRoom room;
  const std::size_t size =
      Encrypt(job.session, job.key, CKM_AES_GCM, Parameters(iv, aad), job.seed, room);
  const ByteView sealed = room.Exactly(job.seed.size() + kTagSize, size, "C_Encrypt");
  recent_ivs_.Admit(iv);
  return Enveloped(iv, sealed, job.seed);
}

std::string AesGcm::WrapAppended(const Job& job) {
  const std::size_t sealed_size = job.seed.size() + kTagSize;
  std::size_t iv_size = appended_size_;
  OutputRoom room;
  // The IV's length is bound into the wrap, so it must be known before. Only the first wrap
  // may have to be made again; its IV was the token's own.
  for (bool is_second = false;; is_second = true) {
    const Digest aad = AadFor(job.identity, iv_size);
    const std::size_t size =
        Encrypt(job.session, job.key, CKM_AES_GCM, Parameters({}, aad), job.seed, room);
    if (size == sealed_size + iv_size) break;
    const std::size_t other = iv_size == kIvSize ? kLongIvSize : kIvSize;
    if (is_second || size != sealed_size + other) {
      room.Exactly(sealed_size + iv_size, size, "C_Encrypt");
    }
    recent_ivs_.Admit(room.first(size).last(other));
    appended_size_ = iv_size = other;
  }
  const ByteView all = room.first(sealed_size + iv_size);
  recent_ivs_.Admit(all.last(iv_size));
  return Enveloped(all.last(iv_size), all.first(sealed_size), job.seed);
}

std::string AesGcm::WrapPrepended(const Job& job) {
  const Digest aad = BindingFor(job.identity, EnvelopeHeader(SchemeId::kAesGcmPrepended, 0, 0));
  OutputRoom room;
  const std::size_t size =
      Encrypt(job.session, job.key, CKM_CLOUDHSM_AES_GCM, Parameters({}, aad), job.seed, room);
  const ByteView all = room.Exactly(kIvSize + job.seed.size() + kTagSize, size, "C_Encrypt");
  recent_ivs_.Admit(all.first(kIvSize));
  RequireEncrypted(all, job.seed);
  return Serialize(SchemeId::kAesGcmPrepended, {}, all, {});
}

std::string AesGcm::WrapMessage(const Job& job) {
  std::array<std::uint8_t, kIvSize> iv{};
  std::array<std::uint8_t, kTagSize> tag{};
  v3::CK_GCM_MESSAGE_PARAMS parameters{
      .pIv = iv.data(),
      .ulIvLen = iv.size(),
      .ulIvFixedBits = 0,
      .ivGenerator = CKG_GENERATE_RANDOM,  // what CKG_GENERATE does is the token's to choose
      .pTag = tag.data(),
      .ulTagBits = kTagSize * 8,
  };
  const Digest aad = AadFor(job.identity, kIvSize);
  OutputRoom room;
  const std::size_t size =
      job.session.EncryptMessage(CKM_AES_GCM, parameters, job.key, aad, job.seed, room.span());
  const ByteView body = room.Exactly(job.seed.size(), size, "C_EncryptMessage");
  recent_ivs_.Admit(iv);
  if (tag == decltype(tag){}) {
    throw Error(Reason::kProofFailed, "C_EncryptMessage: the token wrote no tag");
  }
  RequireEncrypted(body, job.seed);
  return Serialize(SchemeId::kAesGcm, iv, body, tag);
}

SecretBytes AesGcm::Unwrap(const Session& session, const KekObjects& kek,
                           const WrapIdentity& identity, const Envelope& envelope) {
  const bool is_prepended = envelope.scheme == SchemeId::kAesGcmPrepended;
  if (!is_prepended && envelope.scheme != SchemeId::kAesGcm) RefuseCiphertext();
  const Digest aad = BindingFor(identity, envelope.header());
  CK_GCM_PARAMS parameters = Parameters(envelope.iv, aad);
  // C_Decrypt takes ciphertext and tag as one; the parser bounded both.
  std::array<std::uint8_t, kIvSize + kMaxSeedSize + kTagSize> sealed;
  const auto tag_at = std::copy(envelope.body.begin(), envelope.body.end(), sealed.begin());
  const auto end = std::copy(envelope.tag.begin(), envelope.tag.end(), tag_at);
  OutputRoom room;
  const CK_MECHANISM_TYPE mechanism = is_prepended ? CKM_CLOUDHSM_AES_GCM : CKM_AES_GCM;
  const std::size_t size = session.Decrypt({mechanism, &parameters, sizeof(parameters)}, kek.wrap,
                                           ByteView(sealed.begin(), end), room.span());
  const std::size_t seed_size =
      is_prepended ? envelope.body.size() - kIvSize - kTagSize : envelope.body.size();
  return SecretBytes(room.Exactly(seed_size, size, "C_Decrypt"));
}

}  // namespace mortise::hsm
