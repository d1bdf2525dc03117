// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "hsm/cryptoki/session.h"
#include "hsm/scheme/public_key.h"

namespace mortise::hsm {

// What a key object tells of its public half: CKA_MODULUS and CKA_PUBLIC_EXPONENT,
// CKA_PUBLIC_KEY_INFO, or CKA_EC_PARAMS and CKA_EC_POINT. Of a private object it is the truth; of
// a public one, which anyone may replace, a claim (see SignsFor). Nothing: the object does not
// tell, or tells what is no such key.
std::optional<PublicKey> ReadPublicHalf(const Session& session, CK_OBJECT_HANDLE object);

// Whether a fresh signature by the private object verifies under that public half.
bool SignsFor(const Session& session, CK_OBJECT_HANDLE private_key, const PublicKey& public_half);

}  // namespace mortise::hsm
