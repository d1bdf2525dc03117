// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/version.h"

namespace mortise {
namespace {

TEST(ClockTest, WritesTimesInUtc) {
  EXPECT_EQ(FormatTime(WallTime{}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(FormatTime(WallTime{std::chrono::seconds(1769860800)}), "2026-01-31T12:00:00Z");
}

TEST(ClockTest, ReadsWhatItWrites) {
  const WallTime now = WallNow();
  EXPECT_EQ(ParseTime(FormatTime(now)), now);
}

TEST(ClockTest, RefusesEveryOtherForm) {
  for (const char* text : {"", "2026-01-31", "2026-01-31T12:00:00", "2026-01-31T12:00:00+01:00",
                           "2026-01-31T12:00:00Zx", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
                           " 2026-01-31T12:00:00Z", "26-1-1T0:0:0Z"}) {
    EXPECT_THROW(ParseTime(text), Error) << text;
  }
}

TEST(VersionTest, NamesTheBuildAndItsTimeIsNotInTheFuture) {
  EXPECT_EQ(BuildId(), std::string(Version()) + "+" + std::string(Revision()));
  EXPECT_FALSE(Revision().empty());
  EXPECT_LE(BuildTime(), WallNow());
}

}  // namespace
}  // namespace mortise
