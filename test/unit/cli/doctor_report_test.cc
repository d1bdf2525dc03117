// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace mortise::cli {
namespace {

using doctor::Check;
using doctor::CheckStatus;
using testing::HasSubstr;
using testing::Not;

const Check kPass{"host", "clock", CheckStatus::kPass, "it is right", ""};
const Check kSkip{"host", "swap", CheckStatus::kSkip, "not seen", ""};
const Check kWarn{"token", "sessions", CheckStatus::kWarning, "few", "lower them"};
const Check kFail{"token", "pin", CheckStatus::kFail, "locked", "unlock it"};

TEST(DoctorReportTest, AFailureFailsAndAWarningDoesNotUnlessItIsStrict) {
  EXPECT_EQ(Verdict({kPass, kSkip}, true), ExitCode::kOk);
  EXPECT_EQ(Verdict({kPass, kWarn}, false), ExitCode::kOk);
  EXPECT_EQ(Verdict({kPass, kWarn}, true), ExitCode::kWarnings);
  EXPECT_EQ(Verdict({kFail, kWarn}, false), ExitCode::kFailed);
  EXPECT_EQ(Verdict({kFail, kWarn}, true), ExitCode::kFailed);
}

TEST(DoctorReportTest, ATableHasAHeadingForEachCategoryAGlyphAndTheHintBelow) {
  EXPECT_EQ(DoctorTable({kPass, kSkip, kWarn, kFail}, false),
            "host\n"
            "  √ clock: it is right\n"
            "  - swap: not seen\n"
            "\n"
            "token\n"
            "  ‼ sessions: few\n"
            "      lower them\n"
            "  × pin: locked\n"
            "      unlock it\n"
            "\n"
            "1 failure, 1 warning, 1 passed, 1 skipped\n");
}

TEST(DoctorReportTest, OnlyATableForATerminalHasColours) {
  EXPECT_THAT(DoctorTable({kFail}, true), HasSubstr("\033[31m×\033[0m pin"));
  EXPECT_THAT(DoctorTable({kFail}, false), Not(HasSubstr("\033")));
}

TEST(DoctorReportTest, JsonKeepsItsNames) {
  EXPECT_EQ(DoctorJson({kPass, kFail}).dump(),
            R"({"schemaVersion":1,"success":false,"categories":[{"name":"host","checks":[)"
            R"({"id":"clock","status":"pass","what":"it is right","hint":""}]},)"
            R"({"name":"token","checks":[)"
            R"({"id":"pin","status":"fail","what":"locked","hint":"unlock it"}]}]})");
  EXPECT_EQ(DoctorJson({kWarn})["success"], true);
}

}  // namespace
}  // namespace mortise::cli
