// SPDX-License-Identifier: Apache-2.0
// All of it loads the PKCS#11 library into this process, through libp11: for short-lived
// commands only. All of it throws Error.
#pragma once

#include <cstdint>
#include <string>

#include "base/secret_bytes.h"

namespace mortise::hsm {

enum class TokenInit : std::uint8_t {
  kMade,       // a free slot was initialised
  kCompleted,  // the token was there without a user PIN, and got it
  kExisted,    // nothing was changed
};

// Makes a token with this label in a free slot of the PKCS#11 library at `module` and
// sets its user PIN. A token that is there already is never initialised anew, for that
// would destroy its keys.
TokenInit InitializeToken(const std::string& module, const std::string& label,
                          const SecretBytes& so_pin, const SecretBytes& user_pin);

// Whether a token with this label is there and has a user PIN.
bool HasCompleteToken(const std::string& module, const std::string& label);

// Erases all that this token holds and sets its user PIN; label and security officer's
// PIN stay. The caller has asked a person. Throws Error(kConfig) where the token is not
// there, Error(kPinRejected), with nothing erased, for another security officer's PIN or
// where few tries of it are left.
void ReinitializeToken(const std::string& module, const std::string& label,
                       const std::string& serial, const SecretBytes& so_pin,
                       const SecretBytes& user_pin);

}  // namespace mortise::hsm
