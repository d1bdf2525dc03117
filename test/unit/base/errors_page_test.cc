// SPDX-License-Identifier: Apache-2.0
// docs/errors.md is held against the code.
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"

namespace mortise {
namespace {

TEST(ErrorsPageTest, HasAHeadingForEveryReason) {
  const std::string page = ReadFile(MORTISE_ERRORS_PAGE);
  for (std::size_t i = 0; i < kReasonCount; ++i) {
    const std::string heading = "\n## " + std::string(Name(static_cast<Reason>(i))) + "\n";
    EXPECT_NE(page.find(heading), std::string::npos) << heading;
  }
}

}  // namespace
}  // namespace mortise
