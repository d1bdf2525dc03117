// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/load.h"

namespace mortise::cli {

// Look before a load is driven, so that what is wrong is told once and in its own words.
// Throw Unmeasurable.
void RequireServer(const Load& load);
void RequireKey(const Load& load);

}  // namespace mortise::cli
