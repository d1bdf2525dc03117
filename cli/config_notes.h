// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "config/config.h"

namespace mortise::cli {

// What `config check` says of a configuration that is good: what it waives, what mode fips comes
// to, and what a `scheme` means for the keys that this node knows already.
std::vector<std::string> Notes(const config::Config& config, WallTime now);

}  // namespace mortise::cli
