// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "hsm/cryptoki/session.h"

namespace mortise::hsm {

// A private key of the token that signs what a command writes.
struct SigningKey {
  CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
  std::string label;
  std::string algorithm;  // RFC 7518 and 8037: "RS256", "ES256", "EdDSA"
};

// The one private key that `uri` names by object= and id= (RFC 7512). Throws Error(kConfig) when
// it names none or several, when it names neither, and for a key that no algorithm above fits.
SigningKey FindSigningKey(const Session& session, const std::string& uri);

// The signature as JWS has it (RFC 7515): r‖s for ES256. Throws Error.
Bytes SignWith(const Session& session, const SigningKey& key, ByteView message);

}  // namespace mortise::hsm
