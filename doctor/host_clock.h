// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/clock.h"
#include "doctor/check.h"

namespace mortise::doctor {

// The clock decides when a generation becomes active, on every node at once.
struct ClockFacts {
  WallTime now{};
  WallTime built{};
  enum class Sync { kYes, kNo, kUnknown } sync = Sync::kUnknown;
};
void JudgeClock(const ClockFacts& facts, CheckList& list);

void CheckClock(CheckList& list);

}  // namespace mortise::doctor
