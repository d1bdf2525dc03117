// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

namespace mortise::cli {

// Counts of durations in fixed buckets, each less than 1 % wide, from a nanosecond
// to centuries; so a percentile is known to within half a percent whatever the load.
// Not thread-safe: one per thread, merged at the end.
class LatencyHistogram {
 public:
  LatencyHistogram();

  void Record(std::chrono::nanoseconds duration);
  void Merge(const LatencyHistogram& other);

  std::uint64_t count() const { return count_; }
  std::chrono::nanoseconds max() const { return std::chrono::nanoseconds(max_); }

  // The smallest duration that `percent` of all are not longer than; zero when empty.
  std::chrono::nanoseconds Percentile(double percent) const;

 private:
  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace mortise::cli
