// SPDX-License-Identifier: Apache-2.0
// DESIGN, Keyrings and generations: from a scan to a proved key.
#include "test/unit/hsm/generations_fixture.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;
using Kind = Job::Kind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;

// --- from a scan to an activation ---

TEST_F(GenerationsTest, TakesAFirstKeyFromItsScanToItsActivation) {
  EXPECT_FALSE(Next());
  EXPECT_FALSE(generations_->is_complete());
  EXPECT_THAT(Scan(0, {Entry(1)}), IsEmpty());
  EXPECT_TRUE(generations_->is_complete());
  EXPECT_THAT(Work(), ElementsAre(Kind::kSelfTest, Kind::kMakeCanary));
  EXPECT_TRUE(At(1).is_admitted);
  EXPECT_THAT(ToActivate(), Optional(1u));
  EXPECT_EQ(generations_->Active(), nullptr);
  generations_->OnActivated(1);
  EXPECT_EQ(generations_->Active(), &At(1));
  EXPECT_FALSE(ToActivate());
}

TEST_F(GenerationsTest, TakesASuccessorThroughCanaryDistinctnessAndSelfTest) {
  Serve(1);
  ScanAll({Entry(1)});
  Work();
  ScanAll({Entry(1), Entry(2, 'j')});
  // The newcomer's canary was stored by the command that made the key.
  generations_->Remember(history_, {CanaryOf(KeyId(2, 'j'))});
  EXPECT_THAT(Work(), ElementsAre(Kind::kOpenCanary, Kind::kCheckDistinct, Kind::kSelfTest));
  EXPECT_TRUE(At(2, 'j').is_admitted);
}

TEST_F(GenerationsTest, ServesAKnownKeyAfterOneCanary) {
  Serve(3);
  ScanAll({Entry(3)});
  const auto job = Next();
  EXPECT_THAT(job, IsJob(Kind::kOpenCanary));
  Succeed(*job);
  EXPECT_EQ(At(3).on[0].holding, Holding::kProved);
  EXPECT_THAT(Work(), ElementsAre(Kind::kSelfTest));
}

TEST_F(GenerationsTest, OpensTheServedKeysCanaryBeforeAllOthers) {
  Know(1, 'h');
  Serve(2);
  ScanAll({Entry(1, 'h'), Entry(2)});
  EXPECT_THAT(Next(), IsJobOf(Kind::kOpenCanary, KeyId(2)));
}

TEST_F(GenerationsTest, OpensTheServedKeysCanaryAgainAtEachIntervalWithoutTraffic) {
  Serve(1);
  ScanAll({Entry(1)});
  Work();
  Pass(9s);
  EXPECT_FALSE(Next());
  At(1).life->Proved(0, now_);
  Pass(9s);
  EXPECT_FALSE(Next()) << "traffic proves the same";
  Pass(1s);
  EXPECT_THAT(Next(), IsJob(Kind::kOpenCanary));
}

TEST_F(GenerationsTest, AdmitsNothingThatWasNotProved) {
  ScanAll({Entry(1)});
  const auto job = Next();
  EXPECT_THAT(job, IsJob(Kind::kSelfTest));
  Succeed(*job);
  EXPECT_THAT(generations_->ToAdmit(), IsEmpty());
}

TEST_F(GenerationsTest, TakesACanarysReplyForNothingWhenItIsTooShort) {
  ScanAll({Entry(1)});
  Succeed(*Next());
  const JobEffects effects =
      generations_->OnJobDone(0, *Next(), nullptr, std::string(32, 'p'), now_, wall_now_);
  EXPECT_FALSE(effects.canary_to_save);
  EXPECT_FALSE(At(1).canary);
}

TEST_F(GenerationsTest, MakesACanaryOfFirstUseAndSaysSo) {
  ScanAll({Entry(1)});
  Succeed(*Next());
  const JobEffects effects = Succeed(*Next());
  ASSERT_TRUE(effects.canary_to_save);
  EXPECT_EQ(effects.canary_to_save->source, CanarySource::kFirstUse);
  EXPECT_EQ(effects.canary_to_save->key_id, KeyId(1));
  EXPECT_EQ(effects.canary_to_save->blob, EnvelopeOf('b'));
  EXPECT_THAT(effects.events, ElementsAre(Named("key_trusted_on_first_use")));
}

TEST_F(GenerationsTest, PassesOverAnAnswerToAKeyItDoesNotKnow) {
  const JobEffects effects = Succeed({Kind::kOpenCanary, KeyId(9), {}, {}});
  EXPECT_THAT(effects.events, IsEmpty());
}

TEST_F(GenerationsTest, TriesAgainASecondAfterAFailure) {
  Serve(1);
  ScanAll({Entry(1)});
  Fail(*Next(), Reason::kTimeout);
  Pass(999ms);
  EXPECT_FALSE(Next());
  Pass(1ms);
  EXPECT_THAT(Next(), IsJob(Kind::kOpenCanary));
}

// --- self-tests and workers ---

TEST_F(GenerationsTest, RemembersAFailedSelfTestOverScansUntilAnotherWorkerComesOrAMinuteIsOver) {
  Serve(1);
  ScanAll({Entry(1)});
  Succeed(*Next());
  const auto test = Next();
  ASSERT_THAT(test, IsJob(Kind::kSelfTest));
  EXPECT_THAT(Fail(*test, Reason::kProofFailed).events, ElementsAre(Named("self_test_failed")));
  Pass(5s);
  ScanAll({Entry(1)});
  EXPECT_FALSE(Next());
  EXPECT_THAT(At(1).WrapProblem(), HasSubstr("as told"));
  generations_->OnNewWorker(0, "lib 1");
  EXPECT_THAT(Work(), ElementsAre(Kind::kOpenCanary, Kind::kSelfTest));
  generations_->DoubtWraps(KeyId(1), 0);
  Fail(*Next(), Reason::kProofFailed);
  Pass(60s);
  Work();
  EXPECT_THAT(At(1).WrapProblem(), IsEmpty());
}

TEST_F(GenerationsTest, SaysAtOnceWhyATokenRefusesTheSelfTestAndTriesItAgain) {
  Serve(1);
  ScanAll({Entry(1)});
  Succeed(*Next());
  const auto test = Next();
  ASSERT_THAT(test, IsJob(Kind::kSelfTest));
  EXPECT_THAT(Fail(*test, Reason::kKeyRefused).events, ElementsAre(Named("self_test_undecided")));
  EXPECT_THAT(At(1).WrapProblem(), HasSubstr("as told"));
  Pass(5s);
  EXPECT_THAT(Work(), ElementsAre(Kind::kSelfTest));
  EXPECT_THAT(At(1).WrapProblem(), IsEmpty());
}

TEST_F(GenerationsTest, TestsAnewWhereAWrapDidNotOpen) {
  Serve(1);
  ScanAll({Entry(1)});
  Work();
  generations_->DoubtWraps(KeyId(1), 0);
  EXPECT_THAT(Work(), ElementsAre(Kind::kSelfTest));
}

TEST_F(GenerationsTest, ConcludesNothingFromPinnedCanariesOfOtherKeyrings) {
  canaries_.push_back({.key_id = "other.1.0123456789abcdef",
                       .source = CanarySource::kPinned,
                       .blob = EnvelopeOf('c', SchemeId::kAesGcm)});
  Restart(1);
  ScanAll({Entry(1)});
  EXPECT_EQ(At(1).verdict.standing, Standing::kAccepted);
}

TEST_F(GenerationsTest, WrapsOnTheTokenThatPassedWhenAnotherFailedItsSelfTest) {
  Serve(1, 2);
  ScanAll({Entry(1)});
  Work(0);
  Succeed(*Next(1), 1);
  Fail(*Next(1), Reason::kProofFailed, 1);
  EXPECT_THAT(At(1).WrapProblem(), IsEmpty());
}

TEST_F(GenerationsTest, ProvesAnewAndRemembersSelfTestsForAWorkerOfTheSameSoftware) {
  Serve(1);
  generations_->OnNewWorker(0, "lib 1");
  ScanAll({Entry(1)});
  Work();
  generations_->OnNewWorker(0, "lib 1");
  EXPECT_EQ(At(1).on[0].holding, Holding::kUnproved);
  EXPECT_THAT(Work(), ElementsAre(Kind::kOpenCanary));
}

TEST_F(GenerationsTest, ForgetsSelfTestsWhenLibraryOrFirmwareChanged) {
  Serve(1, 2);
  for (const std::size_t token : {0u, 1u}) generations_->OnNewWorker(token, "lib 1");
  ScanAll({Entry(1)});
  WorkEverywhere();
  generations_->OnNewWorker(0, "lib 2");
  EXPECT_THAT(Work(0), ElementsAre(Kind::kOpenCanary, Kind::kSelfTest));
  EXPECT_THAT(Work(1), IsEmpty());
}

TEST_F(GenerationsTest, AsksAForeignKeyAgainOfANewWorkerAtOnce) {
  Serve(1);
  ScanAll({Entry(1)});
  Fail(*Next(), Reason::kCiphertextRefused);
  generations_->OnNewWorker(0, "lib 1");
  EXPECT_THAT(Next(), IsJob(Kind::kOpenCanary));
}

TEST_F(GenerationsTest, ProvesAnewWhenAPinnedCanaryReplacesTheOneItHad) {
  Serve(1);
  ScanAll({Entry(1)});
  Work();
  Canary pinned = CanaryOf(KeyId(1));
  pinned.source = CanarySource::kPinned;
  generations_->Remember(history_, {pinned});
  EXPECT_FALSE(Next()) << "it is the same one";
  pinned.blob = "another";
  generations_->Remember(history_, {pinned});
  EXPECT_THAT(Next(), IsJob(Kind::kOpenCanary));
}

// --- lazy proofs ---

TEST_F(GenerationsTest, ProvesOldGenerationsFiveASecondOverAllTokens) {
  for (std::uint32_t generation = 1; generation <= 20; ++generation)
    Know(generation, static_cast<char>('A' + generation));
  Serve(21, 2);
  std::vector<InventoryEntry> entries = {Entry(21)};
  for (std::uint32_t generation = 1; generation <= 20; ++generation)
    entries.push_back(Entry(generation, static_cast<char>('A' + generation)));
  ScanAll(entries);
  EXPECT_THAT(Work(0), ElementsAre(Kind::kOpenCanary, Kind::kSelfTest, Kind::kOpenCanary));
  EXPECT_THAT(Work(1), ElementsAre(Kind::kOpenCanary, Kind::kSelfTest));
  std::size_t proofs = 0;
  for (int step = 0; step < 100; ++step) {
    Pass(10ms);
    proofs += Work(0).size() + Work(1).size();
  }
  EXPECT_EQ(proofs, 5u);
}

// --- scans ---

TEST_F(GenerationsTest, IsCompleteOnceEveryTokenThatIsUpWasSearched) {
  Restart(2);
  Scan(0, {});
  EXPECT_FALSE(generations_->is_complete());
  generations_->SetUp(1, false);
  EXPECT_TRUE(generations_->is_complete());
}

TEST_F(GenerationsTest, DatesACompleteScanByTheOldestOfThoseItIsMadeOf) {
  Restart(2);
  Scan(0, {});
  EXPECT_FALSE(generations_->last_complete_scan());
  const Clock::time_point first = now_;
  Pass(20s);
  Scan(1, {});
  EXPECT_EQ(generations_->last_complete_scan(), first);
  generations_->SetUp(0, false);
  EXPECT_EQ(generations_->last_complete_scan(), now_);
  generations_->SetUp(1, false);
  EXPECT_FALSE(generations_->last_complete_scan()) << "nobody looked";
}

TEST_F(GenerationsTest, SaysWhatItWaitsFor) {
  EXPECT_THAT(generations_->WaitingFor(wall_now_), HasSubstr("come up"));
  ScanAll({});
  EXPECT_THAT(generations_->WaitingFor(wall_now_), HasSubstr("mortise key create"));
  ScanAll({Entry(1)});
  EXPECT_THAT(generations_->WaitingFor(wall_now_), HasSubstr("first proof"));
}

TEST_F(GenerationsTest, NamesTheKeyOfAnotherContextWhereThereIsNoneOfThisOne) {
  InventoryEntry other = Entry(1);
  other.label.replace(other.label.size() - 6, 6, "000000");
  ScanAll({other});
  EXPECT_THAT(generations_->WaitingFor(wall_now_),
              HasSubstr("token hsm-a holds " + other.label + " for another context"));
  ScanAll({other, Entry(1, 'j')});
  EXPECT_THAT(generations_->WaitingFor(wall_now_), HasSubstr("first proof"));
}

TEST_F(GenerationsTest, WaitsForTheAcceptedKeyBeforeItNamesAnother) {
  Know(2);
  Restart(1);
  ScanAll({Entry(1, 'a'), Entry(1, 'b'), Entry(2)});
  EXPECT_THAT(generations_->WaitingFor(wall_now_), HasSubstr("first proof"));
}

TEST_F(GenerationsTest, KnowsWhetherAKeyLacksItsCanary) {
  EXPECT_FALSE(generations_->LacksCanary());
  ScanAll({Entry(1)});
  EXPECT_TRUE(generations_->LacksCanary());
  Work();
  EXPECT_FALSE(generations_->LacksCanary());
}

TEST_F(GenerationsTest, TriesASelfTestAgainThatFoundNothingOutAndTellsOfItOnce) {
  Serve(1);
  ScanAll({Entry(1)});
  Succeed(*Next());
  std::size_t told = 0;
  for (int i = 0; i < 3; ++i) {
    ASSERT_THAT(Next(), IsJob(Kind::kSelfTest));
    told += Fail(*Next(), Reason::kUnavailable).events.size();
    EXPECT_EQ(Next(), std::nullopt) << "at once";
    Pass(1s);
  }
  EXPECT_EQ(told, 1U);
  EXPECT_THAT(Work(), ElementsAre(Kind::kSelfTest));
  EXPECT_TRUE(At(1).on[0].self_tested);
}

}  // namespace
}  // namespace mortise::hsm
