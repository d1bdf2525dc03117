// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include "base/clock.h"

namespace mortise::server {

// Keeps a flood of bad requests from becoming a flood of log lines: `burst` at once,
// then `per_second`. Thread-safe.
class RateLimit {
 public:
  RateLimit(double per_second, double burst)
      : per_second_(per_second), burst_(burst), allowance_(burst) {}

  // Nothing: keep quiet. Else how many were kept quiet since the last one that was not.
  std::optional<std::uint64_t> Allow(Clock::time_point now) {
    const std::lock_guard lock(mutex_);
    const std::chrono::duration<double> passed = now - last_;
    last_ = now;
    allowance_ = std::min(burst_, allowance_ + passed.count() * per_second_);
    if (allowance_ < 1) {
      ++suppressed_;
      return std::nullopt;
    }
    allowance_ -= 1;
    return std::exchange(suppressed_, 0);
  }

 private:
  const double per_second_;
  const double burst_;
  std::mutex mutex_;
  double allowance_;              // guarded by mutex_
  Clock::time_point last_{};      // guarded by mutex_
  std::uint64_t suppressed_ = 0;  // guarded by mutex_
};

}  // namespace mortise::server
