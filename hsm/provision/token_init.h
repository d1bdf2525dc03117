// SPDX-License-Identifier: Apache-2.0
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
// would destroy its keys. Loads the library into this process, through libp11: for
// short-lived commands only. Throws Error.
TokenInit InitializeToken(const std::string& module, const std::string& label,
                          const SecretBytes& so_pin, const SecretBytes& user_pin);

}  // namespace mortise::hsm
