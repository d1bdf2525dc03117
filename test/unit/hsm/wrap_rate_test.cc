// SPDX-License-Identifier: Apache-2.0
#include "hsm/wrap_rate.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;

constexpr Clock::time_point kStart{1000s};

int Taken(WrapRate& rate, Clock::time_point now, int tries = 100'000) {
  int taken = 0;
  for (int i = 0; i < tries; ++i) taken += rate.TryTake(now) ? 1 : 0;
  return taken;
}

TEST(WrapRateTest, LetsTenSecondsWorthThroughAtOnce) {
  for (const int per_second : {1, 3, 7, 20, 1000}) {
    WrapRate rate(per_second);
    EXPECT_EQ(Taken(rate, kStart), 10 * per_second);
    EXPECT_EQ(Taken(rate, kStart), 0);
  }
}

TEST(WrapRateTest, FillsUpAtItsRate) {
  WrapRate rate(20);
  Taken(rate, kStart);
  EXPECT_EQ(Taken(rate, kStart + 49ms), 0);
  EXPECT_EQ(Taken(rate, kStart + 50ms), 1);
  EXPECT_EQ(Taken(rate, kStart + 1050ms), 20);
}

TEST(WrapRateTest, HoldsNoMoreThanABurst) {
  WrapRate rate(20);
  EXPECT_EQ(Taken(rate, kStart), 200);
  EXPECT_EQ(Taken(rate, kStart + 24h), 200);
}

TEST(WrapRateTest, StartsFullRightAfterBoot) {
  WrapRate rate(20);
  EXPECT_EQ(Taken(rate, Clock::time_point(1ms)), 200);
}

TEST(WrapRateTest, HasNoLimitAtZero) {
  WrapRate rate(0);
  EXPECT_EQ(Taken(rate, kStart), 100'000);
}

TEST(WrapRateTest, LetsNoMoreThroughForSeveralThreads) {
  WrapRate rate(100);
  std::atomic<int> taken = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { taken += Taken(rate, kStart, 1000); });
  threads.clear();
  EXPECT_EQ(taken, 1000);
}

}  // namespace
}  // namespace mortise::hsm
