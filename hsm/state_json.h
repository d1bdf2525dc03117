// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace mortise::hsm {

inline constexpr int kStateVersion = 1;

// A JSON object of the state folder: {"v":1,...}. Nothing where there is no such file. Throws
// Error(kStateUnusable), naming the file, for one that is damaged or cannot be read.
std::optional<nlohmann::json> ReadStateJson(const std::string& path);

// A newer version may be read as far as it is understood, and is never written over.
bool IsNewer(const nlohmann::json& state);
[[noreturn]] void RefuseNewer(const std::string& path);

// What nlohmann would throw for a field that is missing or of a wrong type, as
// Error(kStateUnusable).
[[noreturn]] void RefuseDamaged(const std::string& path, const std::string& why);

}  // namespace mortise::hsm
