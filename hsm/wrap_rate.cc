// SPDX-License-Identifier: Apache-2.0
#include "hsm/wrap_rate.h"

#include <algorithm>
#include <chrono>

namespace mortise::hsm {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kBurstSeconds = 10;

}  // namespace

WrapRate::WrapRate(int per_second) : interval_(per_second > 0 ? kSecond / per_second : 0) {}

bool WrapRate::TryTake(Clock::time_point now) {
  if (interval_ == 0) return true;
  const std::int64_t instant =
      std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
  std::int64_t full_at = full_at_.load();
  std::int64_t next;
  do {
    next = std::max(full_at, instant) + interval_;
    if (next - instant > kBurstSeconds * kSecond) return false;
  } while (!full_at_.compare_exchange_weak(full_at, next));
  return true;
}

}  // namespace mortise::hsm
