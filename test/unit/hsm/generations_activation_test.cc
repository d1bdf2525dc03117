// SPDX-License-Identifier: Apache-2.0
// DESIGN, Keyrings and generations: which generation becomes active, and when.
#include "test/unit/hsm/generations_fixture.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;
using Kind = Job::Kind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Optional;

// --- activation ---

class ActivationTest : public GenerationsTest {
 protected:
  // Generation 1 is served, 2 is shown and has passed; its time has come.
  void ShowSuccessor(std::size_t tokens = 1) {
    Serve(1, tokens);
    ScanAll({Entry(1)});
    WorkEverywhere();
    ScanAll({Entry(1), Entry(2, 'j')});
    WorkEverywhere();
  }
};

TEST_F(ActivationTest, WaitsForItsTime) {
  activation_ = wall_now_ + 60s;
  ScanAll({Entry(1)});
  Work();
  EXPECT_THAT(generations_->WaitingFor(wall_now_), HasSubstr("2026-06-01T12:01:00Z"));
  Pass(59s);
  Work();
  EXPECT_FALSE(ToActivate());
  Pass(1s);
  Work();
  EXPECT_THAT(ToActivate(), Optional(1u));
}

TEST_F(ActivationTest, WaitsUntilASuccessorHasBeenKnownForTwoScans) {
  ShowSuccessor();
  Pass(59s);
  Work();
  EXPECT_FALSE(ToActivate());
  Pass(1s);
  Work();
  EXPECT_THAT(ToActivate(), Optional(2u));
}

TEST_F(ActivationTest, CountsTheTimeThatAnEarlierProcessKnewIt) {
  Know(2, 'j');
  Serve(1);
  ScanAll({Entry(1), Entry(2, 'j')});
  Work();
  EXPECT_THAT(ToActivate(), Optional(2u));
}

TEST_F(ActivationTest, WantsAFreshPassWhereTheTestIsOld) {
  activation_ = wall_now_ + 24h;
  ShowSuccessor();
  Pass(24h);
  EXPECT_FALSE(ToActivate());
  EXPECT_THAT(Work(), ElementsAre(Kind::kOpenCanary, Kind::kSelfTest));
  EXPECT_THAT(ToActivate(), Optional(2u));
}

TEST_F(ActivationTest, RehearsesShortlyBeforeTheTimeComes) {
  activation_ = wall_now_ + 24h;
  ShowSuccessor();
  Pass(24h - 11s);
  EXPECT_THAT(Work(), ElementsAre(Kind::kOpenCanary)) << "of generation 1";
  Pass(1s);
  EXPECT_THAT(Next(), IsJobOf(Kind::kSelfTest, KeyId(2, 'j')));
  Work();
  Pass(10s);
  EXPECT_THAT(ToActivate(), Optional(2u));
}

TEST_F(ActivationTest, IsBlockedByATokenThatIsUpAndLacksTheKey) {
  Restart(2);
  Scan(0, {Entry(1)});
  Scan(1, {});
  WorkEverywhere();
  EXPECT_FALSE(ToActivate());
  generations_->SetUp(1, false);
  EXPECT_THAT(ToActivate(), Optional(1u)) << "no older generation is served";
}

TEST_F(ActivationTest, IsBlockedByATokenThatHoldsOtherMaterial) {
  Serve(1, 2);
  Know(2, 'j');
  Restart(2);
  ScanAll({Entry(1), Entry(2, 'j')});
  Work(0);
  Succeed(*Next(1), 1);
  Succeed(*Next(1), 1);
  Fail(*Next(1), Reason::kCiphertextRefused, 1);
  Pass(1s);
  EXPECT_FALSE(ToActivate());
}

TEST_F(ActivationTest, IsBlockedByATokenThatIsDownWhileAnOlderGenerationIsServed) {
  ShowSuccessor(2);
  Pass(60s);
  WorkEverywhere();
  generations_->SetUp(1, false);
  EXPECT_FALSE(ToActivate());
  generations_->SetUp(1, true);
  EXPECT_THAT(ToActivate(), Optional(2u));
}

TEST_F(ActivationTest, HappensOnNoTokenAtAllNever) {
  ScanAll({Entry(1)});
  Work();
  generations_->SetUp(0, false);
  EXPECT_FALSE(ToActivate());
}

TEST_F(ActivationTest, StartsANodeWithoutHistoryAtTheNewestGenerationWhoseTimeHasCome) {
  ScanAll({Entry(1), Entry(2, 'j'), Entry(3, 'k')});
  // After the first of them passed, as Housekeep finds it between two jobs.
  Succeed(*Next());
  Succeed(*Next());
  Admit();
  EXPECT_TRUE(At(1).is_admitted);
  EXPECT_FALSE(ToActivate());
  Work();
  EXPECT_THAT(ToActivate(), Optional(3u));
}

TEST_F(ActivationTest, DoesNotWaitForeverForTheNewest) {
  ScanAll({Entry(1), Entry(2, 'j')});
  Succeed(*Next());
  Succeed(*Next());
  Admit();
  for (int second = 0; second < 10; ++second) {
    EXPECT_FALSE(ToActivate());
    if (const auto job = Next()) Fail(*job, Reason::kTimeout);
    Pass(1s);
  }
  EXPECT_THAT(ToActivate(), Optional(1u));
}

TEST_F(ActivationTest, RecordsNoScanThatMakesAKeyOnTrialLookLateAfterARestart) {
  history_.last_complete_scan = wall_now_ - 2min;
  Serve(1);
  activation_ = wall_now_ - 1min;
  ScanAll({Entry(1), Entry(2, 'j')});
  EXPECT_EQ(At(2, 'j').verdict.standing, Standing::kAccepted);
  EXPECT_EQ(generations_->ScanToRecord(wall_now_), activation_);
  history_.last_complete_scan = generations_->ScanToRecord(wall_now_);
  Restart(1);
  ScanAll({Entry(1), Entry(2, 'j')});
  EXPECT_EQ(At(2, 'j').verdict.standing, Standing::kAccepted);
  Work();
  EXPECT_EQ(generations_->ScanToRecord(wall_now_), wall_now_) << "it is admitted";
}

TEST_F(ActivationTest, NeverGoesBack) {
  ShowSuccessor();
  generations_->OnActivated(2);
  generations_->OnActivated(1);
  EXPECT_EQ(generations_->highest_active(), 2u);
  history_.highest_active = 1;  // as an older state file says
  generations_->Remember(history_, {});
  EXPECT_EQ(generations_->highest_active(), 2u);
  EXPECT_EQ(generations_->Active(), &At(2, 'j'));
}

TEST_F(ActivationTest, IsNotUndoneByTheLossOfTheKey) {
  ShowSuccessor();
  generations_->OnActivated(2);
  ScanAll({Entry(1)});
  ASSERT_NE(generations_->Active(), nullptr);
  EXPECT_EQ(generations_->Active()->number(), 2u);
  EXPECT_FALSE(ToActivate());
}

TEST_F(ActivationTest, NamesNoActiveKeyThatNoTokenHasShown) {
  Serve(2);
  ScanAll({Entry(1, 'h')});
  EXPECT_EQ(generations_->Active(), nullptr);
}

TEST_F(ActivationTest, IsNotGivenToANewcomerInThePlaceOfTheServedKey) {
  Serve(2);
  ScanAll({Entry(2, 'x')});
  EXPECT_EQ(generations_->Active(), nullptr);
  EXPECT_FALSE(Next());
}

TEST_F(ActivationTest, IsNotLostByATrialThatOutlastsIt) {
  activation_ = wall_now_ + 1min;
  Serve(1);
  ScanAll({Entry(1), Entry(2, 'j')});
  Pass(2min);
  history_.last_complete_scan = wall_now_;
  generations_->Remember(history_, {});
  ScanAll({Entry(1), Entry(2, 'j')});
  EXPECT_EQ(At(2, 'j').verdict.standing, Standing::kAccepted);
}

}  // namespace
}  // namespace mortise::hsm
