// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace mortise::cli {

// An attestation's document for a person to read.
std::string AttestationText(const nlohmann::ordered_json& document);

}  // namespace mortise::cli
