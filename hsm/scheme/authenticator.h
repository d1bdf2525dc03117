// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "base/digest.h"
#include "hsm/scheme/kek_objects.h"

namespace mortise::hsm {

// HMAC-SHA256 by a MAC key in the token: two Cryptoki calls. Throws Error.
Digest MacInToken(const Session& session, CK_OBJECT_HANDLE mac_key, ByteView message);

// By a signer key in the token, of the kind that `public_half` is: two Cryptoki calls. It
// verifies under PublicKey::Verifies, if the key is the right one. Throws Error.
std::array<std::uint8_t, 64> SignInToken(const Session& session, CK_OBJECT_HANDLE signer,
                                         const PublicKey& public_half, ByteView message);

}  // namespace mortise::hsm
