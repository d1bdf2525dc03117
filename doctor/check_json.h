// SPDX-License-Identifier: Apache-2.0
// How the process that visits a token hands its findings back.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "doctor/check.h"

namespace mortise::doctor {

nlohmann::ordered_json ToJson(const std::vector<Check>& checks);
std::vector<Check> ChecksOf(const nlohmann::ordered_json& json);

}  // namespace mortise::doctor
