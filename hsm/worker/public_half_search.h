// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "hsm/cryptoki/session.h"
#include "hsm/scheme/public_key.h"
#include "hsm/scheme/scheme_facts.h"

namespace mortise::hsm {

// The public half of a token's private key, never on a public object's word: from the private
// object itself, else a signer's from a public object of its CKA_ID under which a fresh
// signature by the private one verifies. Nothing: of a secret key, or the token tells none.
std::optional<PublicKey> FindPublicHalf(const Session& session, CK_OBJECT_HANDLE key,
                                        ObjectKind kind);

}  // namespace mortise::hsm
