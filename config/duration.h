// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"

namespace mortise::config {

// As Go writes them: numbers with a unit (h, m, s, ms), in any order, with a decimal
// point if need be: "1h30m", "1.5s". Nothing for anything else, for a negative time and
// for one that is not a whole number of milliseconds.
std::optional<Duration> ParseDuration(std::string_view text);

// The shortest such text: "1h30m", "250ms", "0s".
std::string FormatDuration(Duration duration);

}  // namespace mortise::config
