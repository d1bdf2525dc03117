// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>

#include "base/digest.h"
#include "hsm/scheme/kek_objects.h"

namespace mortise::hsm {

// HMAC-SHA256 over the parts, one after the other, by a MAC key in the token: two Cryptoki
// calls. Throws Error.
Digest MacInToken(const Session& session, CK_OBJECT_HANDLE mac_key,
                  std::initializer_list<ByteView> parts);

}  // namespace mortise::hsm
