// SPDX-License-Identifier: Apache-2.0
// DESIGN, Keyrings and generations: planted, copied and foreign keys.
#include "test/unit/hsm/generations_fixture.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;
using Kind = Job::Kind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// --- hostile and damaged tokens ---

TEST_F(GenerationsTest, IgnoresWhatIsNotOfThisKeyring) {
  InventoryEntry other = Entry(1), foreign = Entry(2), nonsense = Entry(3);
  other.label.replace(0, 4, "test");
  foreign.label.replace(foreign.label.size() - 6, 6, "000000");
  nonsense.label = "a vendor's key";
  EXPECT_THAT(Scan(0, {other, foreign, nonsense}), ElementsAre(Named("key_ignored")));
  EXPECT_THAT(generations_->all(), IsEmpty());
}

TEST_F(GenerationsTest, IsNotStoppedByAPlantedObjectWhoseIdIsTooShort) {
  InventoryEntry planted = Entry(2);
  planted.cka_id = "short";
  EXPECT_THAT(Scan(0, {planted, Entry(1)}), ElementsAre(Named("key_ignored")));
  EXPECT_TRUE(generations_->is_complete());
  EXPECT_EQ(generations_->all().size(), 1u);
}

TEST_F(GenerationsTest, PrefersTheRealKeyToAPlantedOneUnderItsLabelAndId) {
  InventoryEntry planted = Entry(1);
  planted.values &= ~(1u << static_cast<unsigned>(KeyAttribute::kNeverExtractable));
  for (const auto& entries :
       {std::vector{planted, Entry(1), planted}, std::vector{Entry(1), planted}}) {
    Restart(1);
    EXPECT_THAT(Scan(0, entries), ElementsAre(Named("key_ignored")));
    EXPECT_EQ(At(1).verdict.standing, Standing::kAccepted);
    EXPECT_THAT(Next(), IsJob(Kind::kSelfTest));
  }
}

TEST_F(GenerationsTest, PrefersTheRealKeyToOnePlantedOnTheTokenBefore) {
  InventoryEntry planted = Entry(1);
  planted.values &= ~(1u << static_cast<unsigned>(KeyAttribute::kNeverExtractable));
  Restart(2);
  Scan(0, {planted});
  Scan(1, {Entry(1)});
  EXPECT_EQ(At(1).verdict.standing, Standing::kAccepted);
}

TEST_F(GenerationsTest, KeepsAKeysActivationWhateverACopyOfItsObjectSays) {
  activation_ = wall_now_ + 24h;
  const InventoryEntry real = Entry(1);
  activation_ = wall_now_ - 24h;
  const InventoryEntry copy = Entry(1);
  for (const auto& entries : {std::vector{copy, real}, std::vector{real, copy}}) {
    Restart(1);
    EXPECT_THAT(Scan(0, entries), ElementsAre(Named("key_ignored")));
    EXPECT_EQ(At(1).candidate.label_text, real.label);
  }
}

TEST_F(GenerationsTest, KeepsTheObjectThatItKnowsBesideALaterOne) {
  const InventoryEntry real = Entry(1);
  activation_ += 24h;
  Scan(0, {real});
  Work();
  Scan(0, {Entry(1), real});
  EXPECT_EQ(At(1).candidate.label_text, real.label);
}

TEST_F(GenerationsTest, ProvesAnewWhatTookTheNameOfAnObjectThatIsGone) {
  Serve(1);
  ScanAll({Entry(1)});
  Work();
  activation_ += 24h;
  ScanAll({Entry(1)});
  EXPECT_EQ(At(1).on[0].holding, Holding::kUnproved);
  EXPECT_THAT(Next(), IsJob(Kind::kOpenCanary));
}

TEST_F(GenerationsTest, RaisesAnAlarmOnce) {
  Serve(1);
  const std::vector<InventoryEntry> entries = {Entry(1), Entry(1, 'x'), Entry(9, 'y')};
  EXPECT_THAT(Scan(0, entries),
              UnorderedElementsAre(Named("key_ignored"), Named("key_not_accepted")));
  EXPECT_THAT(Scan(0, entries), IsEmpty());
}

TEST_F(GenerationsTest, StopsTryingAKeyThatGetsATwin) {
  Serve(1);
  ScanAll({Entry(1), Entry(2, 'j')});
  ScanAll({Entry(1), Entry(2, 'j'), Entry(2, 'k')});
  EXPECT_EQ(At(2, 'j').verdict.standing, Standing::kDecryptOnly) << "it may still open";
  EXPECT_EQ(At(2, 'j').on[0].holding, Holding::kUnproved);
  EXPECT_THAT(Work(), ElementsAre(Kind::kOpenCanary, Kind::kSelfTest)) << "of generation 1";
  EXPECT_FALSE(At(2, 'j').is_admitted);
}

TEST_F(GenerationsTest, NeverWrapsWithAKeyBeyondAGap) {
  Serve(1);
  ScanAll({Entry(1), Entry(9, 'y')});
  Work();
  EXPECT_FALSE(At(9, 'y').on[0].self_tested);
  EXPECT_FALSE(At(9, 'y').canary);
  Pass(1h);
  EXPECT_FALSE(ToActivate());
}

TEST_F(GenerationsTest, NeverWrapsWithAKeyThatBreaksThePolicy) {
  InventoryEntry careless = Entry(1);
  careless.values |= 1u << static_cast<unsigned>(KeyAttribute::kModifiable);
  ScanAll({careless});
  EXPECT_FALSE(Next());
  EXPECT_THAT(At(1).WrapProblem(), HasSubstr("CKA_MODIFIABLE"));
  EXPECT_THAT(generations_->WaitingFor(wall_now_), HasSubstr("CKA_MODIFIABLE"));
}

TEST_F(GenerationsTest, GoesOnProvingAKnownKeyThatBreaksThePolicy) {
  Serve(1);
  InventoryEntry careless = Entry(1);
  careless.values = 0;
  ScanAll({careless});
  EXPECT_THAT(Work(), ElementsAre(Kind::kOpenCanary));
  EXPECT_EQ(generations_->Active(), &At(1));
}

TEST_F(GenerationsTest, UsesNoForeignMaterialAndSaysSoOnce) {
  Serve(1);
  ScanAll({Entry(1)});
  EXPECT_THAT(Fail(*Next(), Reason::kCiphertextRefused).events, ElementsAre(Named("key_foreign")));
  EXPECT_EQ(At(1).on[0].holding, Holding::kForeign);
  Pass(59s);
  EXPECT_FALSE(Next());
  Pass(1s);
  EXPECT_THAT(Fail(*Next(), Reason::kCiphertextRefused).events, IsEmpty());
}

TEST_F(GenerationsTest, TakesAForeignKeyBackOnceItOpensItsCanary) {
  Serve(1);
  ScanAll({Entry(1)});
  Fail(*Next(), Reason::kCiphertextRefused);
  Pass(60s);
  Succeed(*Next());
  EXPECT_EQ(At(1).on[0].holding, Holding::kProved);
}

TEST_F(GenerationsTest, CallsNoTokenForeignForAFailureThatJudgesNoMaterial) {
  for (const Reason reason : {Reason::kTimeout, Reason::kUnavailable, Reason::kWorkerLost}) {
    Serve(1);
    ScanAll({Entry(1)});
    EXPECT_THAT(Fail(*Next(), reason).events, IsEmpty());
    EXPECT_EQ(At(1).on[0].holding, Holding::kUnproved);
  }
}

TEST_F(GenerationsTest, LetsNoForeignObjectsAttributesStopTheRealKey) {
  Serve(1, 2);
  InventoryEntry planted = Entry(1);
  planted.values = 0;
  Scan(0, {Entry(1)});
  Scan(1, {planted});
  Work(0);
  EXPECT_THAT(At(1).WrapProblem(), IsEmpty()) << "not yet known to be the same key";
  Fail(*Next(1), Reason::kCiphertextRefused, 1);
  EXPECT_THAT(At(1).WrapProblem(), IsEmpty());
}

TEST_F(GenerationsTest, MakesTheAbsenceOfAKeyVisible) {
  Serve(1);
  ScanAll({Entry(1)});
  Work();
  ScanAll({});
  EXPECT_EQ(At(1).on[0].holding, Holding::kAbsent);
  EXPECT_FALSE(Next());
  ScanAll({Entry(1)});
  Fail(*Next(), Reason::kKeyMissing);
  EXPECT_EQ(At(1).on[0].holding, Holding::kAbsent);
}

// --- distinctness ---

TEST_F(GenerationsTest, NeverAdmitsACopyOfAnotherGeneration) {
  Serve(1);
  ScanAll({Entry(1)});
  Work();
  ScanAll({Entry(1), Entry(2, 'j')});
  const auto job = Next();
  ASSERT_THAT(job, IsJobOf(Kind::kCheckDistinct, KeyId(2, 'j')));
  EXPECT_THAT(Fail(*job, Reason::kKeyForeign).events, ElementsAre(Named("key_not_accepted")));
  EXPECT_EQ(At(2, 'j').verdict.standing, Standing::kDecryptOnly);
  Pass(30s);
  // It is remembered: no second alarm, no second chance, and no chain through it.
  EXPECT_THAT(Scan(0, {Entry(1), Entry(2, 'j'), Entry(3, 'k')}),
              ElementsAre(Named("key_not_accepted")));
  EXPECT_EQ(At(2, 'j').verdict.standing, Standing::kDecryptOnly);
  EXPECT_EQ(At(3, 'k').verdict.standing, Standing::kDecryptOnly);
}

TEST_F(GenerationsTest, AsksWithTheNewKeysObjectAndTheOthersIdentity) {
  Serve(1);
  ScanAll({Entry(1)});
  Work();
  ScanAll({Entry(1), Entry(2, 'j')});
  const auto job = Next();
  ASSERT_EQ(job->keks.size(), 1u);
  WireReader reader(*job->keks[0]);
  const KekView kek = KekView::Decode(reader);
  EXPECT_EQ(kek.label, Entry(2, 'j').label);
  EXPECT_EQ(kek.cka_id, CkaId('j'));
  EXPECT_EQ(kek.key_id, KeyId(1));
  EXPECT_EQ(kek.canary, CanaryOf(KeyId(1)).blob);
}

TEST_F(GenerationsTest, FindsACopyOfAGenerationThatNoTokenShowsAnyMore) {
  Know(1, 'h');
  Serve(2);
  ScanAll({Entry(2)});
  Work();
  ScanAll({Entry(2), Entry(3, 'j')});
  EXPECT_THAT(Next()->others, UnorderedElementsAre(KeyId(1, 'h'), KeyId(2)));
}

TEST_F(GenerationsTest, ComparesAgainWithACanaryThatCameLater) {
  Serve(1);
  ScanAll({Entry(1)});
  Work();
  ScanAll({Entry(1), Entry(2, 'j')});
  Succeed(*Next());
  generations_->Remember(history_, {CanaryOf(KeyId(7, 'z'))});
  EXPECT_THAT(Next()->others, ElementsAre(KeyId(7, 'z')));
}

TEST_F(GenerationsTest, ComparesAgainWithACanaryThatReplacedAnother) {
  Serve(1);
  ScanAll({Entry(1)});
  Work();
  ScanAll({Entry(1), Entry(2, 'j')});
  Succeed(*Next());
  generations_->Remember(history_, {CanaryOf(KeyId(1), 'd')});
  Succeed(*Next());  // generation 1 opens it
  EXPECT_THAT(Next(), IsJobOf(Kind::kCheckDistinct, KeyId(2, 'j')));
}

TEST_F(GenerationsTest, IsSatisfiedByNoFailureButARefusal) {
  Serve(1);
  ScanAll({Entry(1)});
  Work();
  ScanAll({Entry(1), Entry(2, 'j')});
  Fail(*Next(), Reason::kTimeout);
  Pass(1s);
  EXPECT_THAT(Next(), IsJob(Kind::kCheckDistinct));
  EXPECT_EQ(At(2, 'j').verdict.standing, Standing::kAccepted);
}

TEST_F(GenerationsTest, AdmitsNoProvedKeyBeforeItFailedToOpenTheOthersCanaries) {
  Serve(1);
  ScanAll({Entry(1)});
  Work();
  ScanAll({Entry(1), Entry(2, 'j')});
  generations_->Remember(history_, {CanaryOf(KeyId(2, 'j'))});
  Succeed(*Next());
  EXPECT_EQ(At(2, 'j').on[0].holding, Holding::kProved);
  EXPECT_THAT(generations_->ToAdmit(), IsEmpty());
  Succeed(*Next());
  EXPECT_THAT(generations_->ToAdmit(), ElementsAre(KeyId(2, 'j')));
}

}  // namespace
}  // namespace mortise::hsm
