// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/exit_code.h"

namespace mortise::cli {
namespace {

TEST(TableTest, AlignsColumnsAndLeavesNoBlankAtALinesEnd) {
  EXPECT_EQ(FormatTable({{"NAME", "STATE"}, {"a-long-name", "up"}, {"b", ""}}),
            "NAME         STATE\na-long-name  up\nb\n");
}

TEST(TableTest, TakesRowsOfDifferentLengths) {
  EXPECT_EQ(FormatTable({{"a"}, {"b", "c"}, {}}), "a\nb  c\n\n");
}

TEST(JsonTest, ReplacesTextThatIsNotUtf8) {
  testing::internal::CaptureStdout();
  PrintJson({{"label", "a\xff"}});
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "{\n  \"label\": \"a\xef\xbf\xbd\"\n}\n");
}

TEST(ExitCodeTest, TellsConfigurationPermissionTokenAndTimeApart) {
  EXPECT_EQ(ExitCodeFor(Reason::kConfig), ExitCode::kUsage);
  EXPECT_EQ(ExitCodeFor(Reason::kPermission), ExitCode::kPermission);
  EXPECT_EQ(ExitCodeFor(Reason::kPinRejected), ExitCode::kPermission);
  EXPECT_EQ(ExitCodeFor(Reason::kNoWorker), ExitCode::kHsmUnreachable);
  EXPECT_EQ(ExitCodeFor(Reason::kDeadline), ExitCode::kTimedOut);
}

TEST(ExitCodeTest, IsNeverSuccessNorUsageForAnyOtherReason) {
  for (std::size_t i = 0; i < kReasonCount; ++i) {
    const Reason reason = static_cast<Reason>(i);
    if (reason == Reason::kConfig) continue;
    EXPECT_NE(ExitCodeFor(reason), ExitCode::kOk) << Name(reason);
    EXPECT_NE(ExitCodeFor(reason), ExitCode::kUsage) << Name(reason);
  }
}

}  // namespace
}  // namespace mortise::cli
