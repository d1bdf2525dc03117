// SPDX-License-Identifier: Apache-2.0
// DESIGN, Keyrings and generations: what a reviewed keysFile decides, and what it cannot.
#include "hsm/listed_acceptance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mortise::hsm {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ListedAcceptanceTest : public ::testing::Test {
 protected:
  static std::string KeyId(std::uint32_t generation, char object) {
    return "prod." + std::to_string(generation) + "." + std::string(16, object);
  }
  static Candidate Listed(std::uint32_t generation, char object = 'a') {
    return {.label = {.keyring = "prod", .generation = generation},
            .label_text = "kek",
            .cka_id = std::string(16, object),
            .key_id = KeyId(generation, object)};
  }
  static Candidate Withdrawn(std::uint32_t generation) {
    Candidate candidate = Listed(generation);
    candidate.label.withdrawn = true;
    return candidate;
  }
  void Know(std::uint32_t generation, char object = 'a') {
    history_.keys[KeyId(generation, object)] = {};
  }
  Verdict Of(const std::vector<Candidate>& candidates, std::uint32_t generation,
             char object = 'a') const {
    return JudgeListed(candidates, {.context_tag = "c7d386",
                                    .history = history_,
                                    .pinned = {},
                                    .with_canary = with_canary_,
                                    .announced = {},
                                    .copies = copies_})
        .at(KeyId(generation, object));
  }

  KeyringHistory history_;
  std::set<std::string> with_canary_, copies_;
};

TEST_F(ListedAcceptanceTest, AcceptsWhatIsListedAcrossGapsAndLate) {
  Know(1);
  history_.highest_active = 1;
  history_.last_complete_scan = WallNow();
  const Verdict verdict = Of({Listed(1), Listed(7)}, 7);
  EXPECT_EQ(verdict.standing, Standing::kAccepted);
  EXPECT_THAT(verdict.alarm, IsEmpty());
}

TEST_F(ListedAcceptanceTest, RefusesEachOfSeveralObjectsThatMatchOneEntryByItsName) {
  for (const char object : {'a', 'b'}) {
    const Verdict verdict = Of({Listed(2, 'a'), Listed(2, 'b')}, 2, object);
    EXPECT_EQ(verdict.standing, Standing::kIgnored);
    EXPECT_EQ(verdict.alarm, "key_ignored");
    EXPECT_THAT(verdict.why, HasSubstr("several objects match generation 2, of which one has id " +
                                       (object == 'a' ? std::string("6161") : "6262")));
  }
}

TEST_F(ListedAcceptanceTest, GoesOnWithTheObjectInUseWhereAnotherMatchesToo) {
  Know(2, 'a');
  EXPECT_EQ(Of({Listed(2, 'a'), Listed(2, 'b')}, 2, 'a').standing, Standing::kAccepted);
  EXPECT_EQ(Of({Listed(2, 'a'), Listed(2, 'b')}, 2, 'b').standing, Standing::kIgnored);
}

TEST_F(ListedAcceptanceTest, RefusesAnotherKeyUnderAGenerationInUse) {
  Know(2, 'a');
  const Verdict verdict = Of({Listed(2, 'b')}, 2, 'b');
  EXPECT_EQ(verdict.standing, Standing::kIgnored);
  EXPECT_THAT(verdict.why, HasSubstr("another key of this generation is in use"));
}

TEST_F(ListedAcceptanceTest, LetsWhateverMayHaveWrappedSomethingOpenIt) {
  Know(2, 'a');
  with_canary_.insert(KeyId(2, 'b'));
  EXPECT_EQ(Of({Listed(2, 'b')}, 2, 'b').standing, Standing::kDecryptOnly);
}

TEST_F(ListedAcceptanceTest, RefusesACopyOfAnotherGeneration) {
  copies_.insert(KeyId(2, 'a'));
  const Verdict verdict = Of({Listed(2)}, 2);
  EXPECT_EQ(verdict.standing, Standing::kDecryptOnly);
  EXPECT_EQ(verdict.alarm, "key_not_accepted");
}

TEST_F(ListedAcceptanceTest, LetsAWithdrawnGenerationDecryptOnly) {
  const Verdict unknown = Of({Withdrawn(2)}, 2);
  Know(2);
  const Verdict known = Of({Withdrawn(2)}, 2);
  for (const Verdict& verdict : {unknown, known}) {
    EXPECT_EQ(verdict.standing, Standing::kDecryptOnly);
    EXPECT_THAT(verdict.alarm, IsEmpty());
  }
}

TEST_F(ListedAcceptanceTest, CannotWithdrawWhatIsActive) {
  Know(2);
  history_.highest_active = 2;
  const Verdict verdict = Of({Withdrawn(2)}, 2);
  EXPECT_EQ(verdict.standing, Standing::kAccepted);
  EXPECT_EQ(verdict.alarm, "key_withdrawn_too_late");
}

TEST_F(ListedAcceptanceTest, AcceptsNoNewKeyWhileTheHistoryCannotBeRead) {
  history_.problem = "damaged";
  EXPECT_EQ(Of({Listed(1)}, 1).standing, Standing::kDecryptOnly);
}

}  // namespace
}  // namespace mortise::hsm
