// SPDX-License-Identifier: Apache-2.0
// DESIGN, Keyrings and generations: from a scan to an activation, with no token behind it.
#include "hsm/generations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hsm/scheme/key_label.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;
using Kind = Job::Kind;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::UnorderedElementsAre;

// SENSITIVE, ALWAYS_SENSITIVE, NEVER_EXTRACTABLE, LOCAL, PRIVATE, ENCRYPT, DECRYPT and no other.
constexpr std::uint32_t kGoodKey = 0b1'1011'1011;

std::string CkaId(char fill) {
  return std::string(16, fill);
}

Canary CanaryOf(const std::string& key_id, char fill = 'c') {
  return {.key_id = key_id, .blob = std::string(80, fill)};
}

class GenerationsTest : public ::testing::Test {
 protected:
  GenerationsTest() { Restart(1); }

  // A new process with `tokens` tokens, all of them up.
  void Restart(std::size_t tokens) {
    std::vector<config::Token> settings(tokens);
    for (std::size_t i = 0; i < tokens; ++i)
      settings[i].name = std::string("hsm-") + static_cast<char>('a' + i);
    generations_.emplace(settings_, settings);
    generations_->Remember(history_, canaries_);
    for (std::size_t i = 0; i < tokens; ++i) generations_->SetUp(i, true);
    token_count_ = tokens;
  }

  static config::Keyring Settings() {
    config::Keyring keyring;
    keyring.name = "prod";
    keyring.context = "cluster-1";
    return keyring;
  }

  KeyLabel Label(std::uint32_t generation) const {
    return {.keyring = "prod",
            .generation = generation,
            .activation = activation_,
            .context_tag = ContextTag("cluster-1")};
  }
  InventoryEntry Entry(std::uint32_t generation, char id = 'i') const {
    return {.label = FormatKeyLabel(Label(generation)),
            .cka_id = CkaId(id),
            .reported = (1u << kKeyAttributeCount) - 1,
            .values = kGoodKey,
            .value_len = 32};
  }
  std::string KeyId(std::uint32_t generation, char id = 'i') const {
    const KeyObject object{.id = Bytes(16, static_cast<std::uint8_t>(id))};
    return MakeKeyId("prod", "cluster-1", generation, SchemeId::kAesGcm, {&object, 1});
  }
  void Know(std::uint32_t generation, char id = 'i') {
    history_.keys[KeyId(generation, id)] = {.first_seen = wall_now_ - 720h, .accepted = {}};
    canaries_.push_back(CanaryOf(KeyId(generation, id)));
  }
  // A node that has served `generation` for long, after a restart.
  void Serve(std::uint32_t generation, std::size_t tokens = 1) {
    Know(generation);
    history_.highest_active = generation;
    Restart(tokens);
  }

  void Pass(Clock::duration time) {
    now_ += time;
    wall_now_ += std::chrono::duration_cast<std::chrono::seconds>(time);
  }
  std::vector<Event> Scan(std::size_t token, const std::vector<InventoryEntry>& entries) {
    return generations_->OnInventory(token, entries, now_);
  }
  void ScanAll(const std::vector<InventoryEntry>& entries) {
    for (std::size_t token = 0; token < token_count_; ++token) Scan(token, entries);
  }
  std::optional<Job> Next(std::size_t token = 0) {
    return generations_->NextJob(token, now_, wall_now_);
  }
  JobEffects Succeed(const Job& job, std::size_t token = 0) {
    const std::string body =
        job.kind == Kind::kMakeCanary ? std::string(32, 'p') + std::string(80, 'b') : "";
    return generations_->OnJobDone(token, job, nullptr, body, now_, wall_now_);
  }
  JobEffects Fail(const Job& job, Reason reason, std::size_t token = 0) {
    const Error error(reason, "as told");
    return generations_->OnJobDone(token, job, &error, {}, now_, wall_now_);
  }
  // Does all that is due now and succeeds, and records what is to be admitted.
  std::vector<Kind> Work(std::size_t token = 0) {
    std::vector<Kind> done;
    while (const auto job = Next(token)) {
      done.push_back(job->kind);
      Succeed(*job, token);
      if (done.size() > 100) throw std::logic_error("it never ends");
    }
    Admit();
    return done;
  }
  void WorkEverywhere() {
    for (std::size_t token = 0; token < token_count_; ++token) Work(token);
  }
  void Admit() {
    for (const std::string& key_id : generations_->ToAdmit()) {
      history_.keys[key_id] = {.first_seen = wall_now_, .accepted = {}};
      generations_->Remember(history_, {});
      generations_->OnAdmitted(key_id);
    }
  }
  std::optional<std::uint32_t> ToActivate() { return generations_->ToActivate(now_, wall_now_); }
  const Generation& At(std::uint32_t generation, char id = 'i') {
    return generations_->all().at(KeyId(generation, id));
  }

  config::Keyring settings_ = Settings();
  KeyringHistory history_;
  std::vector<Canary> canaries_;
  std::optional<Generations> generations_;
  std::size_t token_count_ = 1;
  Clock::time_point now_ = Clock::now();
  WallTime wall_now_ = ParseTime("2026-06-01T12:00:00Z");
  WallTime activation_ = ParseTime("2026-05-01T12:00:00Z");
};

auto IsJob(Kind kind) {
  return Optional(Field(&Job::kind, kind));
}
auto IsJobOf(Kind kind, const std::string& key_id) {
  return Optional(::testing::AllOf(Field(&Job::kind, kind), Field(&Job::key_id, key_id)));
}
auto Named(std::string_view name) {
  return Field(&Event::name, name);
}

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
  EXPECT_EQ(effects.canary_to_save->blob, std::string(80, 'b'));
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
  EXPECT_EQ(At(2, 'j').verdict.standing, Standing::kIgnored);
  EXPECT_EQ(At(2, 'j').on[0].holding, Holding::kUnproved) << "it may still open";
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
  EXPECT_THAT(At(1).WrapProblem(), HasSubstr("CKA_")) << "not yet known to be another key";
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

// --- self-tests and workers ---

TEST_F(GenerationsTest, RemembersAFailedSelfTestOverScansUntilAnotherWorkerComes) {
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

TEST_F(GenerationsTest, KnowsWhetherAKeyLacksItsCanary) {
  EXPECT_FALSE(generations_->LacksCanary());
  ScanAll({Entry(1)});
  EXPECT_TRUE(generations_->LacksCanary());
  Work();
  EXPECT_FALSE(generations_->LacksCanary());
}

}  // namespace
}  // namespace mortise::hsm
