// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/bytes.h"
#include "hsm/cryptoki/session.h"

namespace mortise::hsm {

enum class SignerKind { kEd25519, kP256 };

// New keys in the token, by its own generator: private, sensitive, never extractable,
// unmodifiable, for their one use only, and where the token can say so by `mechanism` only.
// Label and id are read back: some tokens cut labels, and then nothing is left behind. The
// session is read-write and logged in. Throw Error.

// AES-256, for C_Encrypt and C_Decrypt.
CK_OBJECT_HANDLE GenerateAesKey(const Session& session, const std::string& label, ByteView id,
                                CK_MECHANISM_TYPE mechanism);
// A generic secret of 32 bytes, for HMAC-SHA256 by C_Sign and C_Verify.
CK_OBJECT_HANDLE GenerateMacKey(const Session& session, const std::string& label, ByteView id);
// The private half of an RSA pair, for C_Decrypt by OAEP. The public object is destroyed: what
// it holds stands in the private one, and nobody may replace that.
CK_OBJECT_HANDLE GenerateRsaKey(const Session& session, const std::string& label, ByteView id,
                                CK_ULONG bits);
// The private half of a signer's pair, for C_Sign. Its public object stays in the token, with
// the same label and id, only where the private one does not tell the public half.
CK_OBJECT_HANDLE GenerateSignerKey(const Session& session, const std::string& label, ByteView id,
                                   SignerKind kind);

// Keys that are gone with their session: to try a token out on without touching a KEK.
// Throw Error, kKeyRefused where the token has no such keys.
CK_OBJECT_HANDLE GenerateThrowAwayAesKey(const Session& session);
CK_OBJECT_HANDLE GenerateThrowAwayMacKey(const Session& session);

struct KeyPair {
  CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
  CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;
};
KeyPair GenerateThrowAwayRsaKey(const Session& session, CK_ULONG bits);
KeyPair GenerateThrowAwaySigner(const Session& session, SignerKind kind);

// Ends a key for ever.
void DestroyObject(const Session& session, CK_OBJECT_HANDLE object);

}  // namespace mortise::hsm
