// SPDX-License-Identifier: Apache-2.0
#include "hsm/acceptance.h"

#include <gtest/gtest.h>

namespace mortise::hsm {
namespace {

class AcceptanceTest : public ::testing::Test {
 protected:
  Verdict JudgeAlone(const Candidate& candidate) {
    return Judge({candidate}, {.context_tag = "c7d386", .history = history_, .pinned = pinned_})
        .at(candidate.key_id);
  }

  Candidate candidate_{.label = {.keyring = "prod",
                                 .generation = 1,
                                 .activation = WallTime{},
                                 .scheme = SchemeId::kAesGcm,
                                 .context_tag = "c7d386"},
                       .label_text = "prod.1",
                       .cka_id = "id",
                       .key_id = "prod.1.0123456789abcdef"};
  KeyringHistory history_;
  std::set<std::string> pinned_;
};

TEST_F(AcceptanceTest, IgnoresAStrangerThatMayHaveBeenExtracted) {
  EXPECT_EQ(JudgeAlone(candidate_).standing, Standing::kIgnored);
}

TEST_F(AcceptanceTest, KeepsAKeyInUseThatTheTokenNoLongerCallsNeverExtractable) {
  history_.keys[candidate_.key_id] = {};
  const Verdict verdict = JudgeAlone(candidate_);
  EXPECT_EQ(verdict.standing, Standing::kAccepted);
  EXPECT_EQ(verdict.alarm, "key_attribute_lost");
  history_ = {};
  pinned_.insert(candidate_.key_id);
  EXPECT_EQ(JudgeAlone(candidate_).standing, Standing::kAccepted);
}

TEST_F(AcceptanceTest, SaysNothingOfAKeyInUseThatIsAsItShouldBe) {
  history_.keys[candidate_.key_id] = {};
  candidate_.is_never_extractable = true;
  EXPECT_TRUE(JudgeAlone(candidate_).alarm.empty());
}

}  // namespace
}  // namespace mortise::hsm
