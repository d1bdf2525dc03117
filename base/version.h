// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "base/clock.h"

namespace mortise {

// Which build this is. Front and worker compare BuildId when they meet, because
// an upgrade on disk must not mix versions.
std::string_view Version();   // "0.1.0"
std::string_view Revision();  // of git, with "-dirty" where files differ; "unknown" without git
std::string_view BuildId();   // "0.1.0+1a2b3c4d5e6f"

// SOURCE_DATE_EPOCH, else the revision's time, else the epoch: no clock that is
// right shows an earlier time.
WallTime BuildTime();

}  // namespace mortise
