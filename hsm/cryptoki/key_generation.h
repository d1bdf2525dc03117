// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/bytes.h"
#include "hsm/cryptoki/session.h"

namespace mortise::hsm {

// A new AES-256 key in the token, private, sensitive, never extractable, unmodifiable,
// for C_Encrypt and C_Decrypt only, and where the token can say so by `mechanism` only.
// Its label and id are read back: some tokens cut labels, and then nothing is left
// behind. The session is read-write and logged in. Throws Error.
CK_OBJECT_HANDLE GenerateAesKey(const Session& session, const std::string& label, ByteView id,
                                CK_MECHANISM_TYPE mechanism);

// A key that is gone with its session: to try a token out on without touching a KEK.
// Throws Error, kKeyRefused where the token has no such keys.
CK_OBJECT_HANDLE GenerateThrowAwayAesKey(const Session& session);

// Ends a key for ever.
void DestroyObject(const Session& session, CK_OBJECT_HANDLE object);

}  // namespace mortise::hsm
