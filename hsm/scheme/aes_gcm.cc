// SPDX-License-Identifier: Apache-2.0
#include "hsm/scheme/aes_gcm.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/random.h"

namespace mortise::hsm {
namespace {

constexpr std::size_t kTagSize = 16;

// Ample for a seed, its tag and whatever a token appends.
class Room {
 public:
  ~Room() { Wipe(bytes_.data(), bytes_.size()); }
  std::span<std::uint8_t> span() { return bytes_; }
  ByteView first(std::size_t size) const { return ByteView(bytes_).first(size); }

 private:
  std::array<std::uint8_t, 512> bytes_{};
};

CK_GCM_PARAMS Parameters(ByteView iv, const Digest& aad) {
  return {
      .pIv = const_cast<CK_BYTE*>(iv.data()),
      .ulIvLen = iv.size(),
      .ulIvBits = iv.size() * 8,  // NSS and Luna insist on it
      .pAAD = const_cast<CK_BYTE*>(aad.data()),
      .ulAADLen = aad.size(),
      .ulTagBits = kTagSize * 8,
  };
}

GcmIv FreshIv(const Session& session) {
  GcmIv iv;
  session.FillRandom(iv);
  GcmIv kernel;
  FillRandom(kernel);
  std::transform(iv.begin(), iv.end(), kernel.begin(), iv.begin(), std::bit_xor<>());
  return iv;
}

Digest BindingFor(const WrapIdentity& identity, const std::array<std::uint8_t, 4>& header) {
  return Binding(identity.purpose, header, identity.keyring, identity.context, identity.key_id);
}

}  // namespace

std::string AesGcm::Wrap(const Session& session, const KekObjects& kek,
                         const WrapIdentity& identity, ByteView seed) {
  if (identity.forbids_caller_iv) {
    throw Error(
        Reason::kKeyRefused,
        "policy mode fips forbids IVs that the token did not make; set tokens[].ivMode to one "
        "of its own, or policy.mode to strict");
  }
  const GcmIv iv = FreshIv(session);
  recent_ivs_.Admit(iv);
  constexpr std::array<std::uint8_t, 4> kHeader = {1, static_cast<std::uint8_t>(SchemeId::kAesGcm),
                                                   std::tuple_size_v<GcmIv>, kTagSize};
  const Digest aad = BindingFor(identity, kHeader);
  CK_GCM_PARAMS parameters = Parameters(iv, aad);
  Room room;
  const std::size_t size =
      session.Encrypt({CKM_AES_GCM, &parameters, sizeof(parameters)}, kek.wrap, seed, room.span());
  if (size != seed.size() + kTagSize) {
    throw Error(Reason::kProofFailed,
                "C_Encrypt: the token gave another length than CKM_AES_GCM has");
  }
  return Serialize(SchemeId::kAesGcm, iv, room.first(seed.size()), room.first(size).last(kTagSize));
}

SecretBytes AesGcm::Unwrap(const Session& session, const KekObjects& kek,
                           const WrapIdentity& identity, const Envelope& envelope) {
  if (envelope.scheme != SchemeId::kAesGcm) {
    throw Error(Reason::kCiphertextRefused, "ciphertext refused");
  }
  const Digest aad = BindingFor(identity, envelope.header());
  CK_GCM_PARAMS parameters = Parameters(envelope.iv, aad);
  // C_Decrypt takes ciphertext and tag as one; the parser bounded both.
  std::array<std::uint8_t, kMaxSeedSize + kTagSize> sealed;
  const auto tag_at = std::copy(envelope.body.begin(), envelope.body.end(), sealed.begin());
  const auto end = std::copy(envelope.tag.begin(), envelope.tag.end(), tag_at);
  Room room;
  const std::size_t size = session.Decrypt({CKM_AES_GCM, &parameters, sizeof(parameters)}, kek.wrap,
                                           ByteView(sealed.begin(), end), room.span());
  if (size != envelope.body.size()) {
    throw Error(Reason::kProofFailed, "C_Decrypt: the token gave another length than was wrapped");
  }
  return SecretBytes(room.first(size));
}

}  // namespace mortise::hsm
