// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/clock.h"
#include "config/config.h"
#include "hsm/observer.h"

namespace mortise::hsm {

// What an auditor wants to read at each start: which attributes are waived where, and which
// certificates have ended.
std::vector<Event> StartRemarks(const config::Config& config, WallTime now);

}  // namespace mortise::hsm
