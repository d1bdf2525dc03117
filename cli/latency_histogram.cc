// SPDX-License-Identifier: Apache-2.0
#include "cli/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace mortise::cli {
namespace {

// Each power of two is cut into 128 equal buckets; below 256 ns each value has its own.
constexpr unsigned kSubBits = 7;
constexpr std::uint64_t kSubBuckets = 1 << kSubBits;
constexpr std::size_t kBuckets = kSubBuckets * (64 - kSubBits + 1);

std::size_t BucketOf(std::uint64_t value) {
  if (value < 2 * kSubBuckets) return value;
  const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - (kSubBits + 1);
  return shift * kSubBuckets + (value >> shift);
}

std::uint64_t MiddleOf(std::size_t bucket) {
  if (bucket < 2 * kSubBuckets) return bucket;
  const std::uint64_t shift = bucket / kSubBuckets - 1;
  const std::uint64_t low = (bucket - shift * kSubBuckets) << shift;
  return low + (std::uint64_t{1} << shift) / 2;
}

}  // namespace

LatencyHistogram::LatencyHistogram() : buckets_(kBuckets) {}

void LatencyHistogram::Record(std::chrono::nanoseconds duration) {
  const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
  ++buckets_[BucketOf(value)];
  ++count_;
  max_ = std::max(max_, value);
}

void LatencyHistogram::Merge(const LatencyHistogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

std::chrono::nanoseconds LatencyHistogram::Percentile(double percent) const {
  if (count_ == 0) return {};
  const double rank = std::ceil(percent / 100 * static_cast<double>(count_));
  const auto wanted = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(rank), 1, count_);
  std::uint64_t seen = 0;
  std::size_t bucket = 0;
  for (; bucket + 1 < kBuckets; ++bucket) {
    seen += buckets_[bucket];
    if (seen >= wanted) break;
  }
  return std::chrono::nanoseconds(std::min(MiddleOf(bucket), max_));
}

}  // namespace mortise::cli
