// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace mortise::hsm {

// maxWrapsPerSecond: keeps a runaway client from spending a KEK's wraps. Lets ten seconds'
// worth through at once. Thread-safe, and free of locks.
class WrapRate {
 public:
  explicit WrapRate(int per_second);  // 0: no limit

  // False when the wrap would exceed the rate; it then costs nothing.
  bool TryTake(Clock::time_point now);

 private:
  const std::int64_t interval_;  // nanoseconds a wrap costs; 0: no limit
  // When the bucket is full again, in nanoseconds of Clock. Long past at the start.
  std::atomic<std::int64_t> full_at_ = 0;
};

}  // namespace mortise::hsm
