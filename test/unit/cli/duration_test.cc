// SPDX-License-Identifier: Apache-2.0
#include "base/duration.h"

#include <gtest/gtest.h>

namespace mortise {
namespace {

using std::chrono::milliseconds;

TEST(DurationTest, ReadsEachUnitAndTheirSum) {
  EXPECT_EQ(ParseDuration("250ms"), milliseconds(250));
  EXPECT_EQ(ParseDuration("3s"), milliseconds(3'000));
  EXPECT_EQ(ParseDuration("15m"), milliseconds(900'000));
  EXPECT_EQ(ParseDuration("1h30m"), milliseconds(5'400'000));
  EXPECT_EQ(ParseDuration("8760h"), milliseconds(31'536'000'000));
  EXPECT_EQ(ParseDuration("2000us"), milliseconds(2));
}

TEST(DurationTest, ReadsFractionsThatAreWholeMilliseconds) {
  EXPECT_EQ(ParseDuration("0.5s"), milliseconds(500));
  EXPECT_EQ(ParseDuration("1.25s"), milliseconds(1'250));
  EXPECT_EQ(ParseDuration("0.0005s"), std::nullopt);
}

TEST(DurationTest, ReadsZeroWithoutAUnit) {
  EXPECT_EQ(ParseDuration("0"), milliseconds(0));
}

TEST(DurationTest, RefusesWhatIsNoDuration) {
  for (const char* text : {"", "5", "s", "-1s", "+1s", "1 s", "1x", "1s ", "1.s", ".5s", "1..5s",
                           "1e3s", "0x1s", "1d", "1s2", "1.0000001s"}) {
    EXPECT_EQ(ParseDuration(text), std::nullopt) << text;
  }
}

TEST(DurationTest, RefusesWhatWouldOverflow) {
  EXPECT_EQ(ParseDuration("9223372036854775807h"), std::nullopt);
  EXPECT_EQ(ParseDuration("99999999999999999999s"), std::nullopt);
  EXPECT_EQ(ParseDuration("876600h876600h"), std::nullopt);
}

}  // namespace
}  // namespace mortise
