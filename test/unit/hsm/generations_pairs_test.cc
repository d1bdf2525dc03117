// SPDX-License-Identifier: Apache-2.0
// DESIGN, Keyrings and generations: KEKs of two objects, and of other schemes.
#include "test/unit/hsm/generations_fixture.h"

namespace mortise::hsm {
namespace {

using Kind = Job::Kind;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kCbc = SchemeId::kAesCbcHmac;

// Keys of a wrap object 'w' and a MAC object 'm', where nothing else is said.
class PairsTest : public GenerationsTest {
 protected:
  InventoryEntry Object(std::uint32_t generation, SchemeId scheme, KeyRole role, char id) const {
    InventoryEntry entry = Entry(generation, id);
    KeyLabel label = Label(generation);
    label.scheme = scheme;
    label.role = role;
    entry.label = FormatKeyLabel(label);
    entry.kind = KindOf(role, scheme);
    if (role == KeyRole::kMac) {
      const auto bit = [](KeyAttribute attribute) {
        return 1u << static_cast<unsigned>(attribute);
      };
      entry.values &= ~(bit(KeyAttribute::kEncrypt) | bit(KeyAttribute::kDecrypt));
      entry.values |= bit(KeyAttribute::kSign) | bit(KeyAttribute::kVerify);
    }
    if (entry.kind == ObjectKind::kRsaPrivate) {
      entry.bits = 3072;
      entry.public_key_digest = std::string(32, id);
    }
    return entry;
  }
  InventoryEntry Wrap(std::uint32_t generation = 1, char id = 'w') const {
    return Object(generation, kCbc, KeyRole::kWrap, id);
  }
  InventoryEntry Mac(std::uint32_t generation = 1, char id = 'm') const {
    return Object(generation, kCbc, KeyRole::kMac, id);
  }
  static std::string PairId(std::uint32_t generation = 1, char wrap = 'w', char mac = 'm') {
    const std::vector<KeyObject> objects = {
        {.role = KeyRole::kWrap, .id = Bytes(16, static_cast<std::uint8_t>(wrap))},
        {.role = KeyRole::kMac, .id = Bytes(16, static_cast<std::uint8_t>(mac))}};
    return MakeKeyId("prod", "cluster-1", generation, kCbc, objects);
  }
  // A node that has served generation 1, a pair, for long.
  void ServePair() {
    history_.keys[PairId()] = {.first_seen = wall_now_ - std::chrono::hours(720), .accepted = {}};
    history_.highest_active = 1;
    Canary canary{.key_id = PairId(), .blob = EnvelopeOf('c', kCbc)};
    canaries_.push_back(canary);
    Restart(1);
  }
  const Generation& Pair(std::uint32_t generation = 1, char wrap = 'w', char mac = 'm') {
    return generations_->all().at(PairId(generation, wrap, mac));
  }
  // What the first message of a job says; the job must outlive it.
  static KekView ViewOf(const Job& job) {
    WireReader reader(*job.keks.at(0));
    return KekView::Decode(reader);
  }
};

TEST_F(PairsTest, GoFromTheirScanToTheirActivation) {
  EXPECT_THAT(Scan(0, {Mac(), Wrap()}), IsEmpty());
  const auto job = Next();
  ASSERT_THAT(job, IsJobOf(Kind::kSelfTest, PairId()));
  const KekView kek = ViewOf(*job);
  EXPECT_EQ(kek.label, Wrap().label);
  EXPECT_EQ(kek.cka_id, CkaId('w'));
  EXPECT_EQ(kek.authenticator_label, Mac().label);
  EXPECT_EQ(kek.authenticator_id, CkaId('m'));
  EXPECT_EQ(kek.scheme, kCbc);
  EXPECT_FALSE(kek.must_not_open);
  EXPECT_FALSE(kek.forbids_caller_iv);
  EXPECT_THAT(Work(), ElementsAre(Kind::kSelfTest, Kind::kMakeCanary));
  EXPECT_EQ(ToActivate(), 1u);
}

TEST_F(PairsTest, StayServedBesideAPlantedMacKey) {
  ServePair();
  const std::vector<InventoryEntry> entries = {Mac(1, 'a'), Mac(), Wrap(), Mac(1, 'z')};
  EXPECT_THAT(Scan(0, entries), ElementsAre(Named("key_ignored"), Named("key_ignored")));
  EXPECT_THAT(Scan(0, entries), IsEmpty());
  EXPECT_EQ(generations_->all().size(), 1u);
  EXPECT_THAT(Work(), ElementsAre(Kind::kOpenCanary, Kind::kSelfTest));
  EXPECT_EQ(generations_->Active(), &Pair());
}

TEST_F(PairsTest, WrapNothingWhileTwoMacKeysOfOneLabelAreUnknown) {
  Scan(0, {Wrap(), Mac(), Mac(1, 'p')});
  EXPECT_EQ(Pair().verdict.standing, Standing::kDecryptOnly);
  EXPECT_EQ(Pair(1, 'w', 'p').verdict.standing, Standing::kDecryptOnly);
  EXPECT_FALSE(Next());
}

TEST_F(PairsTest, AreNotShakenByAPlantedMacKeyThatMayHaveBeenSeenOutside) {
  InventoryEntry planted = Mac(1, 'p');
  planted.values &= ~(1u << static_cast<unsigned>(KeyAttribute::kNeverExtractable));
  EXPECT_THAT(Scan(0, {Wrap(), planted, Mac()}), ElementsAre(Named("key_ignored")));
  EXPECT_EQ(Pair().verdict.standing, Standing::kAccepted);
}

TEST_F(PairsTest, AreMissingOnceTheirMacKeyVanished) {
  ServePair();
  Scan(0, {Wrap(), Mac()});
  Work();
  EXPECT_EQ(Pair().on[0].holding, Holding::kProved);
  EXPECT_THAT(Scan(0, {Wrap()}),
              ElementsAre(AllOf(Named("key_ignored"),
                                Field(&Event::message, HasSubstr("no MAC key beside it")))));
  EXPECT_EQ(Pair().on[0].holding, Holding::kAbsent);
  EXPECT_THAT(Scan(0, {Wrap()}), IsEmpty()) << "it was said";
  Scan(0, {Wrap(), Mac()});
  EXPECT_THAT(Next(), IsJob(Kind::kOpenCanary)) << "what came back is proved anew";
}

TEST_F(PairsTest, AreMissingWhereAnotherMacKeyTookTheLabel) {
  ServePair();
  Scan(0, {Wrap(), Mac()});
  Work();
  EXPECT_THAT(Scan(0, {Wrap(), Mac(1, 'p')}), ElementsAre(Named("key_ignored")));
  EXPECT_EQ(Pair().on[0].holding, Holding::kAbsent);
  EXPECT_EQ(generations_->all().size(), 1u);
}

TEST_F(PairsTest, AreForeignWhereOtherMaterialHasTheNameOfTheirMacKey) {
  ServePair();
  Scan(0, {Wrap(), Mac()});
  EXPECT_THAT(Fail(*Next(), Reason::kCiphertextRefused).events, ElementsAre(Named("key_foreign")));
  EXPECT_EQ(Pair().on[0].holding, Holding::kForeign);
}

// --- copies ---

TEST_F(PairsTest, AreAskedForACopyOfAOneKeyGenerationByItsScheme) {
  Serve(1);
  Scan(0, {Entry(1)});
  Work();
  Scan(0, {Entry(1), Wrap(2), Mac(2)});
  const auto job = Next();
  ASSERT_THAT(job, IsJobOf(Kind::kCheckDistinct, PairId(2)));
  const KekView kek = ViewOf(*job);
  EXPECT_EQ(kek.label, Wrap(2).label);
  EXPECT_THAT(kek.authenticator_label, IsEmpty());
  EXPECT_EQ(kek.scheme, SchemeId::kAesGcm);
  EXPECT_EQ(kek.key_id, KeyId(1));
  EXPECT_TRUE(kek.must_not_open);
}

TEST_F(PairsTest, AreAskedForACopyOfAnotherPairWithItsMacKey) {
  ServePair();
  Scan(0, {Wrap(), Mac()});
  Work();
  Scan(0, {Wrap(), Mac(), Wrap(2, 'x'), Mac(2, 'n')});
  const auto job = Next();
  ASSERT_THAT(job, IsJobOf(Kind::kCheckDistinct, PairId(2, 'x', 'n')));
  const KekView kek = ViewOf(*job);
  EXPECT_EQ(kek.label, Wrap(2).label);
  EXPECT_EQ(kek.authenticator_label, Mac().label);
  EXPECT_EQ(kek.authenticator_id, CkaId('m'));
}

TEST_F(PairsTest, OfAnotherKindOfKeyAreNoCopies) {
  Serve(1);
  Scan(0, {Entry(1)});
  Work();
  const auto rsa = SchemeId::kRsaOaepHmac;
  Scan(0, {Entry(1), Object(2, rsa, KeyRole::kWrap, 'r'), Object(2, rsa, KeyRole::kMac, 'n')});
  const auto job = Next();
  ASSERT_THAT(job, IsJob(Kind::kCheckDistinct));
  EXPECT_THAT(job->keks, IsEmpty());
  EXPECT_THAT(job->others, ElementsAre(KeyId(1)));
  Succeed(*job);
  EXPECT_THAT(Next(), IsJob(Kind::kSelfTest));
}

// --- policy ---

TEST_F(PairsTest, WrapOnlyWhereBothKeysKeepThePolicy) {
  InventoryEntry careless = Mac();
  careless.values |= 1u << static_cast<unsigned>(KeyAttribute::kModifiable);
  Scan(0, {Wrap(), careless});
  EXPECT_FALSE(Next());
  EXPECT_THAT(Pair().WrapProblem(), HasSubstr("CKA_MODIFIABLE"));
}

TEST_F(PairsTest, ThatWrapInSoftwareDoNotWrapInModeFips) {
  settings_.policy.mode = config::PolicyMode::kFips;
  Restart(1);
  const auto rsa = SchemeId::kRsaOaepHmac;
  Scan(0, {Object(1, rsa, KeyRole::kWrap, 'r'), Object(1, rsa, KeyRole::kMac, 'n')});
  EXPECT_FALSE(Next());
  EXPECT_THAT(generations_->WaitingFor(wall_now_), HasSubstr("fips"));
}

TEST_F(PairsTest, AreUsedWithoutCallerIvsInModeFips) {
  settings_.policy.mode = config::PolicyMode::kFips;
  Restart(1);
  Scan(0, {Entry(1)});
  EXPECT_TRUE(ViewOf(*Next()).forbids_caller_iv);
}

}  // namespace
}  // namespace mortise::hsm
