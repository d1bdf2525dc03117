// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "hsm/cryptoki/signing_key.h"

namespace mortise::hsm {

// `payload`, byte for byte, with the token's signature, as a flattened JWS (RFC 7515 §7.2.2):
// any JOSE library verifies it. `kid` is the key's label. Throws Error.
nlohmann::ordered_json SignJws(const Session& session, const SigningKey& key,
                               std::string_view payload);

}  // namespace mortise::hsm
