// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

#include "base/clock.h"

namespace mortise::hsm {

// How long to wait before a worker is started again: 0.1 s, doubling to 10 s, each
// ± 20 % so that many fronts do not meet one HSM at one instant.
class Backoff {
 public:
  Clock::duration Next() {
    const double jitter = std::uniform_real_distribution<double>(0.8, 1.2)(random_);
    const auto wait = std::chrono::duration_cast<Clock::duration>(next_ * jitter);
    next_ = std::min(next_ * 2, kLongest);
    return wait;
  }
  void Reset() { next_ = kShortest; }

 private:
  using Seconds = std::chrono::duration<double>;
  static constexpr Seconds kShortest{0.1};
  static constexpr Seconds kLongest{10};

  std::minstd_rand random_{std::random_device()()};
  Seconds next_ = kShortest;
};

}  // namespace mortise::hsm
