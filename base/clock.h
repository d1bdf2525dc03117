// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace mortise {

// CLOCK_MONOTONIC: the same instant in every process of this boot, so a
// deadline can cross to a worker.
using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;

// Wall-clock time, whole seconds, for what is stored or shown.
using WallTime = std::chrono::sys_seconds;
WallTime WallNow();

// "2026-01-31T12:00:00Z"; FormatTime's inverse throws Error(kInternal) on anything else.
std::string FormatTime(WallTime time);
WallTime ParseTime(const std::string& text);

}  // namespace mortise
