// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>

#include "base/clock.h"

namespace mortise {

// When a loop went round last, so that others can tell whether it is stuck. Thread-safe.
class Heartbeat {
 public:
  void Beat() { last_.store(Clock::now().time_since_epoch().count(), std::memory_order_relaxed); }
  Clock::duration age() const {
    return Clock::now().time_since_epoch() - Clock::duration(last_.load(std::memory_order_relaxed));
  }

 private:
  std::atomic<Clock::rep> last_{Clock::now().time_since_epoch().count()};
};

}  // namespace mortise
