// SPDX-License-Identifier: Apache-2.0
#include "hsm/scheme/authenticator.h"

#include <algorithm>

#include "hsm/scheme/output_room.h"

namespace mortise::hsm {
namespace {

template <std::size_t kSize>
std::array<std::uint8_t, kSize> Sign(const Session& session, CK_MECHANISM_TYPE mechanism,
                                     CK_OBJECT_HANDLE key, ByteView message) {
  OutputRoom room;
  const std::size_t size = session.Sign({mechanism, nullptr, 0}, key, message, room.span());
  std::array<std::uint8_t, kSize> tag;
  std::ranges::copy(room.Exactly(kSize, size, "C_Sign"), tag.begin());
  return tag;
}

}  // namespace

Digest MacInToken(const Session& session, CK_OBJECT_HANDLE mac_key, ByteView message) {
  return Sign<sizeof(Digest)>(session, CKM_SHA256_HMAC, mac_key, message);
}

std::array<std::uint8_t, 64> SignInToken(const Session& session, CK_OBJECT_HANDLE signer,
                                         const PublicKey& public_half, ByteView message) {
  if (public_half.is_ed25519()) return Sign<64>(session, CKM_EDDSA, signer, message);
  // Hashed here: not every token has CKM_ECDSA_SHA256.
  return Sign<64>(session, CKM_ECDSA, signer, Sha256::Of(message));
}

}  // namespace mortise::hsm
