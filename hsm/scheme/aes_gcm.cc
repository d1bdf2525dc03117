// SPDX-License-Identifier: Apache-2.0
#include "hsm/scheme/aes_gcm.h"

#include <algorithm>
#include <array>

#include "hsm/scheme/fresh_iv.h"
#include "hsm/scheme/output_room.h"
#include "hsm/scheme/payload.h"
#include "hsm/scheme/refusal.h"

namespace mortise::hsm {
namespace {

constexpr std::size_t kIvSize = 12;
constexpr std::size_t kTagSize = 16;

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

}  // namespace

std::string AesGcm::Wrap(const Session& session, const KekObjects& kek,
                         const WrapIdentity& identity, ByteView seed) {
  if (identity.forbids_caller_iv) {
    throw Error(
        Reason::kKeyRefused,
        "policy mode fips forbids IVs that the token did not make; set tokens[].ivMode to one "
        "of its own, or policy.mode to strict");
  }
  const auto iv = FreshIv<kIvSize>(session);
  recent_ivs_.Admit(iv);
  const Digest aad = BindingFor(identity, EnvelopeHeader(SchemeId::kAesGcm, kIvSize, kTagSize));
  CK_GCM_PARAMS parameters = Parameters(iv, aad);
  OutputRoom room;
  const std::size_t size =
      session.Encrypt({CKM_AES_GCM, &parameters, sizeof(parameters)}, kek.wrap, seed, room.span());
  const ByteView sealed = room.Exactly(seed.size() + kTagSize, size, "C_Encrypt");
  RequireEncrypted(sealed, seed);
  return Serialize(SchemeId::kAesGcm, iv, sealed.first(seed.size()), sealed.last(kTagSize));
}

SecretBytes AesGcm::Unwrap(const Session& session, const KekObjects& kek,
                           const WrapIdentity& identity, const Envelope& envelope) {
  if (envelope.scheme != SchemeId::kAesGcm) RefuseCiphertext();
  const Digest aad = BindingFor(identity, envelope.header());
  CK_GCM_PARAMS parameters = Parameters(envelope.iv, aad);
  // C_Decrypt takes ciphertext and tag as one; the parser bounded both.
  std::array<std::uint8_t, kMaxSeedSize + kTagSize> sealed;
  const auto tag_at = std::copy(envelope.body.begin(), envelope.body.end(), sealed.begin());
  const auto end = std::copy(envelope.tag.begin(), envelope.tag.end(), tag_at);
  OutputRoom room;
  const std::size_t size = session.Decrypt({CKM_AES_GCM, &parameters, sizeof(parameters)}, kek.wrap,
                                           ByteView(sealed.begin(), end), room.span());
  return SecretBytes(room.Exactly(envelope.body.size(), size, "C_Decrypt"));
}

}  // namespace mortise::hsm
