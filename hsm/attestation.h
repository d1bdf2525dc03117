// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "config/config.h"
#include "hsm/opened_token.h"

namespace mortise::hsm {

// For an auditor: what the token that is opened says of itself, of its library and of every KEK
// of the keyring, with each attribute of each key object and the policy's verdict on it. The
// names in it are stable. Throws Error.
nlohmann::ordered_json Attest(const OpenedToken& opened, const config::Token& token,
                              const config::Keyring& keyring);

}  // namespace mortise::hsm
