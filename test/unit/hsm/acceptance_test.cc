// SPDX-License-Identifier: Apache-2.0
// DESIGN, Keyrings and generations: which keys found by label are a keyring's.
#include "hsm/acceptance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const WallTime kNow = ParseTime("2026-06-01T12:00:00Z");

// Names as tokens and state files have them; only the digest is made up.
std::string KeyId(std::uint32_t generation, char digest = 'a') {
  return "prod." + std::to_string(generation) + "." + std::string(16, digest);
}

Candidate Key(std::uint32_t generation, char digest = 'a') {
  return {.label = {.keyring = "prod",
                    .generation = generation,
                    .activation = kNow + 24h,
                    .scheme = SchemeId::kAesGcm,
                    .context_tag = "c7d386"},
          .label_text = "as shown",
          .cka_id = std::string(16, digest),
          .key_id = KeyId(generation, digest),
          .is_never_extractable = true};
}

class AcceptanceTest : public ::testing::Test {
 protected:
  void Know(std::uint32_t generation, char digest = 'a') {
    history_.keys[KeyId(generation, digest)] = {.first_seen = kNow - 720h, .accepted = {}};
  }
  // A node that serves `generation` and looked a minute ago.
  void Serve(std::uint32_t generation) {
    Know(generation);
    history_.highest_active = generation;
    history_.last_complete_scan = kNow - 1min;
  }
  std::map<std::string, Verdict> Judged(const std::vector<Candidate>& candidates) {
    AcceptanceFacts facts{.context_tag = "c7d386", .history = history_};
    facts.pinned = pinned_;
    facts.with_canary = with_canary_;
    facts.announced = announced_;
    facts.copies = copies_;
    return Judge(candidates, facts);
  }
  void ExpectAccepted(const Verdict& verdict) {
    EXPECT_EQ(verdict.standing, Standing::kAccepted) << verdict.why;
    EXPECT_THAT(verdict.alarm, IsEmpty());
    EXPECT_THAT(verdict.why, IsEmpty());
  }
  void ExpectDecryptOnly(const Verdict& verdict, const std::string& why) {
    EXPECT_EQ(verdict.standing, Standing::kDecryptOnly);
    EXPECT_EQ(verdict.alarm, "key_not_accepted");
    EXPECT_THAT(verdict.why, HasSubstr(why));
  }
  void ExpectIgnored(const Verdict& verdict, const std::string& why) {
    EXPECT_EQ(verdict.standing, Standing::kIgnored);
    EXPECT_EQ(verdict.alarm, "key_ignored");
    EXPECT_THAT(verdict.why, HasSubstr(why));
  }

  KeyringHistory history_;
  std::set<std::string> pinned_, with_canary_, announced_, copies_;
};

TEST_F(AcceptanceTest, HasNothingToSayOfAnEmptyToken) {
  EXPECT_THAT(Judged({}), IsEmpty());
}

// --- the chain ---

TEST_F(AcceptanceTest, StartsANodeWithoutHistoryAtTheLowestGenerationPresent) {
  const auto verdicts = Judged({Key(4), Key(3)});
  ExpectAccepted(verdicts.at(KeyId(3)));
  ExpectAccepted(verdicts.at(KeyId(4)));
}

TEST_F(AcceptanceTest, AcceptsTheSuccessorOfTheHighestAccepted) {
  Serve(3);
  ExpectAccepted(Judged({Key(3), Key(4)}).at(KeyId(4)));
}

TEST_F(AcceptanceTest, AcceptsSeveralMissedOnesInARowAsAChain) {
  Serve(3);
  const auto verdicts = Judged({Key(6), Key(4), Key(5), Key(3)});
  for (const std::uint32_t generation : {4u, 5u, 6u})
    ExpectAccepted(verdicts.at(KeyId(generation)));
}

TEST_F(AcceptanceTest, NeverAcceptsAcrossAGap) {
  Serve(3);
  const auto verdicts = Judged({Key(3), Key(5), Key(6), Key(999)});
  for (const std::uint32_t generation : {5u, 6u, 999u})
    ExpectDecryptOnly(verdicts.at(KeyId(generation)), "generations before it are missing");
}

TEST_F(AcceptanceTest, SeesAGapOnANodeWithoutHistoryToo) {
  const auto verdicts = Judged({Key(1), Key(999)});
  ExpectAccepted(verdicts.at(KeyId(1)));
  ExpectDecryptOnly(verdicts.at(KeyId(999)), "missing");
}

TEST_F(AcceptanceTest, NeverAcceptsAnUnknownKeyOlderThanTheHighest) {
  Serve(3);
  ExpectDecryptOnly(Judged({Key(2), Key(3)}).at(KeyId(2)), "older than the highest");
}

TEST_F(AcceptanceTest, GoesOnFromTheHighestEvenWhereItIsNotToBeSeen) {
  Serve(3);
  ExpectAccepted(Judged({Key(4)}).at(KeyId(4)));
  ExpectDecryptOnly(Judged({Key(9)}).at(KeyId(9)), "missing");
}

TEST_F(AcceptanceTest, CountsPinnedCanariesAsAccepted) {
  pinned_ = {KeyId(7)};
  const auto verdicts = Judged({Key(7), Key(8), Key(5)});
  ExpectAccepted(verdicts.at(KeyId(7)));
  ExpectAccepted(verdicts.at(KeyId(8)));
  ExpectDecryptOnly(verdicts.at(KeyId(5)), "older");
}

TEST_F(AcceptanceTest, KeepsWhatAnOperatorAcceptedBeyondAGap) {
  Serve(3);
  Know(999);
  ExpectAccepted(Judged({Key(3), Key(999)}).at(KeyId(999)));
}

// --- planted keys ---

TEST_F(AcceptanceTest, IgnoresAKeyOfAnotherContext) {
  Candidate foreign = Key(1);
  foreign.label.context_tag = "000000";
  ExpectIgnored(Judged({foreign}).at(KeyId(1)), "another context");
}

TEST_F(AcceptanceTest, IgnoresAnUnknownKeyThatWasEverExtractable) {
  Candidate planted = Key(1);
  planted.is_never_extractable = false;
  ExpectIgnored(Judged({planted}).at(KeyId(1)), "never extractable");
}

TEST_F(AcceptanceTest, GoesOnOpeningWithAKnownKeyThatIsNoLongerReportedAsNeverExtractable) {
  Serve(1);
  Candidate known = Key(1);
  known.is_never_extractable = false;
  known.keeps_policy = false;
  EXPECT_EQ(Judged({known}).at(KeyId(1)).standing, Standing::kAccepted);
  EXPECT_EQ(Judged({known}).at(KeyId(1)).alarm, "key_attribute_lost");
  history_ = {};
  pinned_ = {KeyId(1)};
  EXPECT_EQ(Judged({known}).at(KeyId(1)).standing, Standing::kAccepted);
}

TEST_F(AcceptanceTest, IgnoresRolesAndMarksThatAreNoWrapKeys) {
  Candidate role = Key(2), mark = Key(3);
  role.label.role = KeyRole::kMac;
  mark.label.withdrawn = true;
  const auto verdicts = Judged({role, mark});
  for (const auto& [key_id, verdict] : verdicts) ExpectIgnored(verdict, "not one of a wrap key");
  EXPECT_EQ(verdicts.size(), 2u);
}

TEST_F(AcceptanceTest, AcceptsAKeyOfAnyScheme) {
  Candidate rsa = Key(1);
  rsa.label.scheme = SchemeId::kRsaOaepSign;
  ExpectAccepted(Judged({rsa}).at(rsa.key_id));
}

TEST_F(AcceptanceTest, CountsNoIgnoredKeyIntoTheChain) {
  Serve(1);
  Candidate planted = Key(2);
  planted.is_never_extractable = false;
  ExpectDecryptOnly(Judged({Key(1), planted, Key(3)}).at(KeyId(3)), "missing");
}

// --- two keys of one generation ---

TEST_F(AcceptanceTest, KeepsTheServedOneOfTwoAndIgnoresTheNewcomer) {
  Serve(3);
  const auto verdicts = Judged({Key(3), Key(3, 'b')});
  ExpectAccepted(verdicts.at(KeyId(3)));
  ExpectIgnored(verdicts.at(KeyId(3, 'b')), "already in use");
}

TEST_F(AcceptanceTest, IgnoresTheNewcomerAlsoWhereTheServedOneIsOutOfSight) {
  Serve(3);
  ExpectIgnored(Judged({Key(3, 'b')}).at(KeyId(3, 'b')), "already in use");
}

TEST_F(AcceptanceTest, IgnoresANewcomerBesideAPinnedKey) {
  pinned_ = {KeyId(3)};
  ExpectIgnored(Judged({Key(3), Key(3, 'b')}).at(KeyId(3, 'b')), "already in use");
}

TEST_F(AcceptanceTest, LetsNeitherOfTwoUnknownOnesWrap) {
  Serve(3);
  const auto verdicts = Judged({Key(3), Key(4), Key(4, 'b'), Key(5)});
  ExpectDecryptOnly(verdicts.at(KeyId(4)), "neither can be trusted");
  ExpectDecryptOnly(verdicts.at(KeyId(4, 'b')), "neither can be trusted");
  ExpectDecryptOnly(verdicts.at(KeyId(5)), "missing");
}

TEST_F(AcceptanceTest, AppliesThePolicyBeforeItCounts) {
  Serve(3);
  Candidate extractable = Key(4, 'b'), careless = Key(4, 'c');
  extractable.is_never_extractable = false;
  careless.keeps_policy = false;
  const auto verdicts = Judged({Key(3), Key(4), extractable, careless});
  ExpectAccepted(verdicts.at(KeyId(4)));
  ExpectIgnored(verdicts.at(KeyId(4, 'b')), "never extractable");
  ExpectIgnored(verdicts.at(KeyId(4, 'c')), "breaks the attribute policy");
}

TEST_F(AcceptanceTest, LetsNeitherOfTwoThatBothBreakThePolicyWrap) {
  Candidate one = Key(1), other = Key(1, 'b');
  one.keeps_policy = other.keeps_policy = false;
  const auto verdicts = Judged({one, other});
  ExpectDecryptOnly(verdicts.at(KeyId(1)), "neither");
  ExpectDecryptOnly(verdicts.at(KeyId(1, 'b')), "neither");
}

TEST_F(AcceptanceTest, KeepsAKnownKeyThatBreaksThePolicyBesideANewcomerThatKeepsIt) {
  Serve(3);
  Candidate known = Key(3);
  known.keeps_policy = false;
  const auto verdicts = Judged({known, Key(3, 'b')});
  ExpectAccepted(verdicts.at(KeyId(3)));
  ExpectIgnored(verdicts.at(KeyId(3, 'b')), "already in use");
}

TEST_F(AcceptanceTest, NeverAcceptsACopyOfAnotherGenerationNorWhatFollowsIt) {
  Serve(3);
  copies_ = {KeyId(4)};
  const auto verdicts = Judged({Key(3), Key(4), Key(5)});
  ExpectDecryptOnly(verdicts.at(KeyId(4)), "copy");
  ExpectDecryptOnly(verdicts.at(KeyId(5)), "missing");
}

// --- an activation already past ---

TEST_F(AcceptanceTest, NeverAcceptsAKeyWhoseTimeCameBeforeItWasShown) {
  Serve(3);
  Candidate late = Key(4);
  late.label.activation = kNow - 2min;
  ExpectDecryptOnly(Judged({Key(3), late}).at(KeyId(4)), "after its activation time");
}

TEST_F(AcceptanceTest, AcceptsAKeyThatTheLastScanCouldStillHaveSeenInTime) {
  Serve(3);
  Candidate timely = Key(4);
  timely.label.activation = *history_.last_complete_scan;
  ExpectAccepted(Judged({Key(3), timely}).at(KeyId(4)));
}

TEST_F(AcceptanceTest, AcceptsAPastActivationWhereNoOlderGenerationIsServed) {
  Candidate first = Key(1);
  first.label.activation = kNow - 24h;
  history_.last_complete_scan = kNow - 1min;
  ExpectAccepted(Judged({first}).at(KeyId(1)));
}

TEST_F(AcceptanceTest, AcceptsAPastActivationOnANodeThatNeverLooked) {
  Serve(3);
  history_.last_complete_scan.reset();
  Candidate missed = Key(4);
  missed.label.activation = kNow - 24h;
  ExpectAccepted(Judged({Key(3), missed}).at(KeyId(4)));
}

TEST_F(AcceptanceTest, DoesNotCallAKeyLateThatItHasBeenTryingSinceItWasAnnounced) {
  Serve(3);
  Candidate pending = Key(4);
  pending.label.activation = kNow - 2min;
  announced_ = {KeyId(4)};
  ExpectAccepted(Judged({Key(3), pending}).at(KeyId(4)));
}

TEST_F(AcceptanceTest, CountsNoLateKeyIntoTheChain) {
  Serve(3);
  Candidate late = Key(4);
  late.label.activation = kNow - 2min;
  ExpectDecryptOnly(Judged({Key(3), late, Key(5)}).at(KeyId(5)), "missing");
}

// --- keys with a canary ---

TEST_F(AcceptanceTest, OpensWithAKeyThatHasACanaryWhateverSpeaksAgainstItsUse) {
  with_canary_ = {KeyId(1), KeyId(2), KeyId(3)};
  Candidate foreign = Key(1), withdrawn = Key(2), extractable = Key(3);
  foreign.label.context_tag = "000000";
  withdrawn.label.withdrawn = true;
  extractable.is_never_extractable = false;
  const auto verdicts = Judged({foreign, withdrawn, extractable});
  ExpectDecryptOnly(verdicts.at(KeyId(1)), "another context");
  ExpectDecryptOnly(verdicts.at(KeyId(2)), "not one of a wrap key");
  ExpectDecryptOnly(verdicts.at(KeyId(3)), "never extractable");
}

TEST_F(AcceptanceTest, OpensWithAKeyThatHasACanaryBesideAnotherOfItsGeneration) {
  with_canary_ = {KeyId(3, 'b'), KeyId(4, 'b')};
  Candidate careless = Key(4, 'b');
  careless.keeps_policy = false;
  Serve(3);
  const auto verdicts = Judged({Key(3), Key(3, 'b'), Key(4), careless});
  ExpectAccepted(verdicts.at(KeyId(3)));
  ExpectDecryptOnly(verdicts.at(KeyId(3, 'b')), "already in use");
  ExpectDecryptOnly(verdicts.at(KeyId(4, 'b')), "breaks the attribute policy");
}

// --- damaged history ---

TEST_F(AcceptanceTest, ConcludesNothingFromAHistoryThatCannotBeRead) {
  history_.problem = "state.json is damaged";
  const auto verdicts = Judged({Key(1), Key(999)});
  for (const auto& [key_id, verdict] : verdicts) {
    EXPECT_EQ(verdict.standing, Standing::kDecryptOnly) << key_id;
    EXPECT_THAT(verdict.alarm, IsEmpty()) << "the damage itself has been told of";
    EXPECT_THAT(verdict.why, HasSubstr("state folder"));
  }
}

TEST_F(AcceptanceTest, KeepsWhatADamagedOrNewerHistoryStillNames) {
  Serve(3);
  history_.problem = "state.json is of a newer version";
  ExpectAccepted(Judged({Key(3), Key(4)}).at(KeyId(3)));
  EXPECT_EQ(Judged({Key(3), Key(4)}).at(KeyId(4)).standing, Standing::kDecryptOnly);
}

TEST_F(AcceptanceTest, PassesOverAKnownNameThatIsNoKeyId) {
  history_.keys["../../etc/passwd"] = {};
  ExpectAccepted(Judged({Key(5)}).at(KeyId(5)));
}

TEST_F(AcceptanceTest, GivesTheSameVerdictsInWhateverOrderATokenListsItsKeys) {
  Serve(3);
  std::vector<Candidate> keys = {Key(3), Key(4), Key(4, 'b'), Key(5), Key(9)};
  const auto expected = Judged(keys);
  std::ranges::sort(keys, {}, &Candidate::key_id);
  do {
    for (const auto& [key_id, verdict] : Judged(keys))
      EXPECT_EQ(verdict.why, expected.at(key_id).why) << key_id;
  } while (std::next_permutation(
      keys.begin(), keys.end(),
      [](const Candidate& a, const Candidate& b) { return a.key_id < b.key_id; }));
}

}  // namespace
}  // namespace mortise::hsm
