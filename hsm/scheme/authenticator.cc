// SPDX-License-Identifier: Apache-2.0
#include "hsm/scheme/authenticator.h"

#include <algorithm>

#include "hsm/scheme/output_room.h"

namespace mortise::hsm {

Digest MacInToken(const Session& session, CK_OBJECT_HANDLE mac_key,
                  std::initializer_list<ByteView> parts) {
  Bytes message;
  for (const ByteView part : parts) message.insert(message.end(), part.begin(), part.end());
  OutputRoom room;
  const std::size_t size =
      session.Sign({CKM_SHA256_HMAC, nullptr, 0}, mac_key, message, room.span());
  Digest tag;
  std::ranges::copy(room.Exactly(tag.size(), size, "C_Sign"), tag.begin());
  return tag;
}

}  // namespace mortise::hsm
