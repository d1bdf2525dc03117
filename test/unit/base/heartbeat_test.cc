// SPDX-License-Identifier: Apache-2.0
#include "base/heartbeat.h"

#include <gtest/gtest.h>

#include <thread>

namespace mortise {
namespace {

using namespace std::chrono_literals;

TEST(HeartbeatTest, IsAsOldAsTheLastBeat) {
  Heartbeat heartbeat;
  std::this_thread::sleep_for(20ms);
  const Clock::duration before = heartbeat.age();
  EXPECT_GE(before, 20ms);
  heartbeat.Beat();
  EXPECT_LT(heartbeat.age(), before);
}

}  // namespace
}  // namespace mortise
