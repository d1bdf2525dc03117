// SPDX-License-Identifier: Apache-2.0
#include "hsm/scheme/aes_cbc_hmac.h"

#include "hsm/scheme/authenticator.h"
#include "hsm/scheme/fresh_iv.h"
#include "hsm/scheme/output_room.h"
#include "hsm/scheme/payload.h"
#include "hsm/scheme/refusal.h"

namespace mortise::hsm {
namespace {

constexpr std::size_t kIvSize = 16;

CK_MECHANISM Cbc(ByteView iv) {
  return {CKM_AES_CBC, const_cast<std::uint8_t*>(iv.data()), iv.size()};
}

Digest TagOf(const Session& session, const KekObjects& kek, const Digest& binding, ByteView iv,
             ByteView body) {
  constexpr std::string_view kDomain("mortise.cbc-hmac.v1\0", 20);
  Bytes message(kDomain.begin(), kDomain.end());
  for (const ByteView part : {ByteView(binding), iv, body}) {
    message.insert(message.end(), part.begin(), part.end());
  }
  return MacInToken(session, kek.authenticator, message);
}

}  // namespace

std::string AesCbcHmac::Wrap(const Session& session, const KekObjects& kek,
                             const WrapIdentity& identity, ByteView seed) {
  const auto iv = FreshIv<kIvSize>(session);
  recent_ivs_.Admit(iv);
  const SecretBytes payload = PaddedPayload(seed);
  OutputRoom room;
  const std::size_t size = session.Encrypt(Cbc(iv), kek.wrap, payload.view(), room.span());
  const ByteView body = room.Exactly(payload.size(), size, "C_Encrypt");
  RequireEncrypted(body, seed);
  const Digest binding =
      BindingFor(identity, EnvelopeHeader(SchemeId::kAesCbcHmac, kIvSize, sizeof(Digest)));
  return Serialize(SchemeId::kAesCbcHmac, iv, body, TagOf(session, kek, binding, iv, body));
}

SecretBytes AesCbcHmac::Unwrap(const Session& session, const KekObjects& kek,
                               const WrapIdentity& identity, const Envelope& envelope) {
  if (envelope.scheme != SchemeId::kAesCbcHmac) RefuseCiphertext();
  const Digest binding = BindingFor(identity, envelope.header());
  const Digest tag = TagOf(session, kek, binding, envelope.iv, envelope.body);
  if (!EqualInConstantTime(tag, envelope.tag)) RefuseCiphertext();
  OutputRoom room;
  const std::size_t size = session.Decrypt(Cbc(envelope.iv), kek.wrap, envelope.body, room.span());
  return OpenPaddedPayload(room.Exactly(envelope.body.size(), size, "C_Decrypt"));
}

}  // namespace mortise::hsm
