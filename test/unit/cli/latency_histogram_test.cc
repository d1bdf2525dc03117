// SPDX-License-Identifier: Apache-2.0
#include "cli/latency_histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace mortise::cli {
namespace {

using std::chrono::nanoseconds;

TEST(LatencyHistogramTest, IsZeroWhenNothingWasRecorded) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.Percentile(99), nanoseconds(0));
  EXPECT_EQ(histogram.max(), nanoseconds(0));
}

TEST(LatencyHistogramTest, GivesTheOneValueForEveryPercentile) {
  LatencyHistogram histogram;
  histogram.Record(nanoseconds(123'456'789));
  for (const double percent : {0.0, 50.0, 99.9, 100.0}) {
    EXPECT_NEAR(static_cast<double>(histogram.Percentile(percent).count()), 123456789, 1234567);
  }
  EXPECT_EQ(histogram.max(), nanoseconds(123'456'789));
}

TEST(LatencyHistogramTest, TakesTheSmallestValueThatSoManyAreNotAbove) {
  LatencyHistogram histogram;
  for (int i = 1; i <= 100; ++i) histogram.Record(nanoseconds(i));
  EXPECT_EQ(histogram.Percentile(50), nanoseconds(50));
  EXPECT_EQ(histogram.Percentile(90), nanoseconds(90));
  EXPECT_EQ(histogram.Percentile(99.9), nanoseconds(100));
}

TEST(LatencyHistogramTest, StaysWithinOnePercentOverAllMagnitudes) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> exponent(0, 40);
  std::vector<std::int64_t> values;
  LatencyHistogram histogram;
  for (int i = 0; i < 20'000; ++i) {
    values.push_back(static_cast<std::int64_t>(std::exp2(exponent(random))));
    histogram.Record(nanoseconds(values.back()));
  }
  std::sort(values.begin(), values.end());
  for (const double percent : {1.0, 25.0, 50.0, 90.0, 99.0, 99.9, 100.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(percent / 100 * 20'000));
    const auto exact = static_cast<double>(values[rank - 1]);
    const auto got = static_cast<double>(histogram.Percentile(percent).count());
    EXPECT_NEAR(got, exact, exact * 0.01) << "at " << percent << " %";
  }
}

TEST(LatencyHistogramTest, HoldsTheLongestAndTheImpossible) {
  LatencyHistogram histogram;
  histogram.Record(nanoseconds::max());
  histogram.Record(nanoseconds(-5));
  EXPECT_EQ(histogram.max(), nanoseconds::max());
  EXPECT_EQ(histogram.Percentile(50), nanoseconds(0));
}

TEST(LatencyHistogramTest, MergesTheCountsOfTwoThreads) {
  LatencyHistogram one;
  LatencyHistogram other;
  for (int i = 0; i < 50; ++i) one.Record(nanoseconds(10));
  for (int i = 0; i < 50; ++i) other.Record(nanoseconds(200));
  one.Merge(other);
  EXPECT_EQ(one.count(), 100u);
  EXPECT_EQ(one.Percentile(50), nanoseconds(10));
  EXPECT_EQ(one.Percentile(51), nanoseconds(200));
  EXPECT_EQ(one.max(), nanoseconds(200));
}

}  // namespace
}  // namespace mortise::cli
