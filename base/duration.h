// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace mortise {

// A Go-style duration in whole milliseconds: 250ms, 2s, 15m, 1h30m, 0.5s, 0.
// Nothing for anything else: no unit, a sign, a fraction of a millisecond, over 100 years.
std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text);

}  // namespace mortise
