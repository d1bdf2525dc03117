// SPDX-License-Identifier: Apache-2.0
// All of it loads the PKCS#11 library into this process, through libp11: for short-lived
// commands only. All of it throws Error.
#pragma once

#include <string>

#include "base/secret_bytes.h"

namespace mortise::hsm {

// A token of a PKCS#11 library, by what it says of itself.
struct TokenName {
  std::string module, init_args;
  std::string label;
  std::string serial;  // empty: the only one with that label
};

// The security officer gives the user a PIN, which ends a lock as well.
void SetUserPin(const TokenName& name, const SecretBytes& so_pin, const SecretBytes& new_pin);

// The user's own. Throws Error(kPinRejected), with the token's return code where it was
// asked; it is not asked when its flags say that the PIN is locked or has one try left.
void ChangeUserPin(const TokenName& name, const SecretBytes& pin, const SecretBytes& new_pin);

// Whether ChangeUserPin's failure is about the new PIN, not the old one.
bool IsAboutNewPin(std::uint64_t ckr);

}  // namespace mortise::hsm
