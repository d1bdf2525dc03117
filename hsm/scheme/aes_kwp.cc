// SPDX-License-Identifier: Apache-2.0
#include "hsm/scheme/aes_kwp.h"

#include "hsm/scheme/output_room.h"
#include "hsm/scheme/payload.h"
#include "hsm/scheme/refusal.h"

namespace mortise::hsm {
namespace {

constexpr CK_MECHANISM kKwp = {CKM_AES_KEY_WRAP_KWP, nullptr, 0};

std::size_t WrappedSize(std::size_t payload) {
  return (payload + 7) / 8 * 8 + 8;
}

}  // namespace

std::string AesKwp::Wrap(const Session& session, const KekObjects& kek,
                         const WrapIdentity& identity, ByteView seed) {
  const Digest binding = BindingFor(identity, EnvelopeHeader(SchemeId::kAesKwp, 0, 0));
  const SecretBytes payload = BoundPayload(binding, seed);
  OutputRoom room;
  const std::size_t size = session.Encrypt(kKwp, kek.wrap, payload.view(), room.span());
  const ByteView body = room.Exactly(WrappedSize(payload.size()), size, "C_Encrypt");
  RequireEncrypted(body, seed);
  return Serialize(SchemeId::kAesKwp, {}, body, {});
}

SecretBytes AesKwp::Unwrap(const Session& session, const KekObjects& kek,
                           const WrapIdentity& identity, const Envelope& envelope) {
  if (envelope.scheme != SchemeId::kAesKwp) RefuseCiphertext();
  OutputRoom room;
  const std::size_t size = session.Decrypt(kKwp, kek.wrap, envelope.body, room.span());
  return OpenBoundPayload(BindingFor(identity, envelope.header()),
                          room.AtMostAll(size, "C_Decrypt"));
}

}  // namespace mortise::hsm
