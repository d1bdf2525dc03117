// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace mortise::cli {

// An option that takes 250ms, 5s, 1m30s; `value` holds the default, which --help shows,
// and must live until the command has run. Shorter than `least` is a usage mistake.
CLI::Option* AddDuration(CLI::App& command, const std::string& names,
                         std::chrono::milliseconds& value, const std::string& description,
                         std::chrono::milliseconds least = std::chrono::milliseconds(1));

}  // namespace mortise::cli
