// SPDX-License-Identifier: Apache-2.0
#include "hsm/assurance.h"

#include <gtest/gtest.h>

namespace mortise::hsm {
namespace {

bool HasEnded(const std::string& valid_until, const std::string& now) {
  return CompareAssurance({.valid_until = valid_until}, "", ParseTime(now)).has_ended;
}
std::optional<bool> Matches(const std::string& stated, const std::string& reported) {
  return CompareAssurance({.firmware = stated}, reported, {}).firmware_matches;
}

TEST(AssuranceTest, LastsUntilTheEndOfItsLastDay) {
  EXPECT_FALSE(HasEnded("2026-06-30", "2026-06-30T23:59:59Z"));
  EXPECT_TRUE(HasEnded("2026-06-30", "2026-07-01T00:00:00Z"));
  EXPECT_FALSE(HasEnded("", "2026-07-01T00:00:00Z"));
}

TEST(AssuranceTest, ComparesAsMuchOfAFirmwareVersionAsATokenReports) {
  EXPECT_EQ(Matches("7.4", "7.4"), true);
  EXPECT_EQ(Matches("7.4.1", "7.4"), true);
  EXPECT_EQ(Matches("7.41", "7.4"), false);
  EXPECT_EQ(Matches("7.3", "7.4"), false);
}

TEST(AssuranceTest, ConcludesNothingFromWhatIsNotKnown) {
  EXPECT_EQ(Matches("", "7.4"), std::nullopt);
  EXPECT_EQ(Matches("7.4", ""), std::nullopt);
}

}  // namespace
}  // namespace mortise::hsm
