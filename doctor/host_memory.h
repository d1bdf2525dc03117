// SPDX-License-Identifier: Apache-2.0
// Where secrets in memory could end up on a disk: swap, core dumps, memory that is not locked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "doctor/check.h"

namespace mortise::doctor {

// `swaps` is the text of /proc/swaps; `sysfs` the folder that is otherwise /sys.
void JudgeSwap(const std::string& swaps, const std::string& sysfs, CheckList& list);

// In bytes; nothing: no limit.
void JudgeLockLimit(std::optional<std::uint64_t> limit, CheckList& list);

// Of this process, which hardened itself as the service does.
void JudgeCoreDumps(std::uint64_t limit, bool is_dumpable, CheckList& list);

void CheckMemory(CheckList& list);

}  // namespace mortise::doctor
