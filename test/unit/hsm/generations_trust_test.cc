// SPDX-License-Identifier: Apache-2.0
// DESIGN, Keyrings and generations: which key is trusted without a canary, and quarantine.
#include "test/unit/hsm/generations_fixture.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;
using Kind = Job::Kind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;

// --- trust ---

TEST_F(GenerationsTest, TrustsNoNewcomerBeforeAnEarlierGenerationIsProved) {
  Serve(1);
  ScanAll({Entry(1), Entry(2, 'j')});
  Fail(*Next(), Reason::kTimeout);
  Succeed(*Next());  // the check that it is no copy
  EXPECT_FALSE(Next());
  Pass(1s);
  EXPECT_THAT(Work(),
              ElementsAre(Kind::kOpenCanary, Kind::kSelfTest, Kind::kSelfTest, Kind::kMakeCanary));
}

TEST_F(GenerationsTest, TrustsNothingInAFolderThatLostItsCanaries) {
  Serve(1);
  canaries_.clear();
  Restart(1);
  ScanAll({Entry(1)});
  EXPECT_FALSE(Next());
  EXPECT_THAT(generations_->WaitingFor(wall_now_),
              HasSubstr("restore the state folder's canaries"));
  At(1).life->has_unwrapped = true;  // a stored seed opened: it is the right material
  EXPECT_THAT(Work(), ElementsAre(Kind::kSelfTest, Kind::kMakeCanary));
}

TEST_F(GenerationsTest, TrustsNothingOnFirstUseWhereCanariesArePinned) {
  settings_.trust = config::Trust::kPinned;
  ScanAll({Entry(1)});
  EXPECT_FALSE(Next());
  Canary pinned = CanaryOf(KeyId(1));
  pinned.source = CanarySource::kPinned;
  generations_->Remember(history_, {pinned});
  ScanAll({Entry(1)});
  EXPECT_THAT(Work(), ElementsAre(Kind::kOpenCanary, Kind::kSelfTest));
  EXPECT_TRUE(At(1).is_admitted);
}

TEST_F(GenerationsTest, TrustsNothingOnFirstUseBesideADamagedHistory) {
  history_.problem = "state.json is damaged";
  Restart(1);
  ScanAll({Entry(1)});
  EXPECT_FALSE(Next());
  EXPECT_THAT(generations_->ToAdmit(), IsEmpty());
}

TEST_F(GenerationsTest, AcceptsNothingThatWasShownWhileTheHistoryCouldNotBeRead) {
  history_.problem = "state.json is damaged";
  Restart(1);
  ScanAll({Entry(1), Entry(999, 'y')});
  history_.problem.reset();
  Know(1);
  history_.highest_active = 1;
  generations_->Remember(history_, canaries_);
  ScanAll({Entry(1), Entry(999, 'y')});
  EXPECT_EQ(At(1).verdict.standing, Standing::kAccepted);
  EXPECT_EQ(At(999, 'y').verdict.standing, Standing::kDecryptOnly);
}

TEST_F(GenerationsTest, TrustsNoFirstKeyBesideAPinnedOneThatIsNotProved) {
  Canary pinned = CanaryOf(KeyId(1));
  pinned.source = CanarySource::kPinned;
  canaries_ = {pinned};
  Restart(1);
  ScanAll({Entry(1), Entry(2, 'j')});
  Fail(*Next(), Reason::kTimeout);
  Succeed(*Next());  // the check that it is no copy
  EXPECT_FALSE(Next());
}

TEST_F(GenerationsTest, TrustsNoKnownKeyWithoutCanaryWhileTheHistoryIsDamaged) {
  Know(1);
  Know(2, 'j');
  canaries_.pop_back();
  history_.problem = "state.json is of a newer version";
  Restart(1);
  ScanAll({Entry(1), Entry(2, 'j')});
  EXPECT_THAT(Work(), ElementsAre(Kind::kOpenCanary, Kind::kSelfTest)) << "of generation 1";
}

TEST_F(GenerationsTest, KeepsWhatItKnowsWhenTheHistoryIsDamagedWhileItServes) {
  history_.last_complete_scan = wall_now_;
  Serve(1);
  ScanAll({Entry(1)});
  Work();
  KeyringHistory damaged;
  damaged.problem = "state.json is damaged";
  generations_->Remember(damaged, {});
  ScanAll({Entry(1)});
  EXPECT_EQ(At(1).verdict.standing, Standing::kAccepted);
  EXPECT_EQ(generations_->Active(), &At(1));
  EXPECT_EQ(generations_->history().last_complete_scan, wall_now_);
  EXPECT_TRUE(generations_->history().problem);
  generations_->Remember(history_, {});
  EXPECT_FALSE(generations_->history().problem);
}

TEST_F(GenerationsTest, OpensWithWhatHasACanaryWhateverTheHistoryLost) {
  Serve(1);
  history_ = {};
  history_.problem = "state.json is damaged";
  Restart(1);
  ScanAll({Entry(1), Entry(1, 'x')});
  EXPECT_EQ(At(1).verdict.standing, Standing::kDecryptOnly);
  Succeed(*Next());
  EXPECT_EQ(At(1).on[0].holding, Holding::kProved);
}

// --- quarantine ---

TEST_F(GenerationsTest, NeitherWrapsWithNorActivatesAQuarantinedKeyAndTakesItBack) {
  ScanAll({Entry(1)});
  generations_->SetQuarantined({KeyId(1)});
  EXPECT_FALSE(Next());
  generations_->SetQuarantined({});
  Work();
  generations_->SetQuarantined({KeyId(1)});
  EXPECT_FALSE(ToActivate());
  generations_->SetQuarantined({});
  EXPECT_THAT(ToActivate(), Optional(1u));
}

TEST_F(GenerationsTest, KnowsAQuarantinedKeyThatIsShownLater) {
  generations_->SetQuarantined({KeyId(1)});
  ScanAll({Entry(1)});
  EXPECT_TRUE(At(1).is_quarantined);
}

TEST_F(GenerationsTest, KeepsAQuarantinedKeyTheActiveOne) {
  Serve(1);
  ScanAll({Entry(1)});
  Work();
  generations_->SetQuarantined({KeyId(1)});
  EXPECT_EQ(generations_->Active(), &At(1));
}

}  // namespace
}  // namespace mortise::hsm
