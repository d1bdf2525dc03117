// SPDX-License-Identifier: Apache-2.0
// DESIGN, Keyrings and generations: several objects that claim one key_id.
#include "test/unit/hsm/generations_fixture.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;
using Kind = Job::Kind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Generation 1 is served; another object carries its CKA_ID under a label with a later time.
class ClaimantsTest : public GenerationsTest {
 protected:
  ClaimantsTest() {
    real_ = Entry(1);
    activation_ += 24h * 365;
    planted_ = Entry(1);
  }

  static std::string LabelOf(const Job& job) {
    WireReader reader(*job.keks.at(0));
    return std::string(KekView::Decode(reader).label);
  }
  // What is due on that token opens the canary if it is asked of the real key.
  void Answer(std::size_t token = 0) {
    while (const auto job = Next(token)) {
      const bool is_real = LabelOf(*job) == real_.label;
      is_real ? Succeed(*job, token) : Fail(*job, Reason::kCiphertextRefused, token);
    }
  }
  static InventoryEntry Plain(InventoryEntry entry) {
    entry.values = 0;
    return entry;
  }

  InventoryEntry real_, planted_;
};

TEST_F(ClaimantsTest, GiveWayToTheOneThatOpensTheCanary) {
  Serve(1);
  ScanAll({real_, planted_});
  Answer();
  EXPECT_EQ(At(1).on[0].holding, Holding::kProved);
  EXPECT_EQ(At(1).candidate.label_text, real_.label);
  ScanAll({planted_, real_});
  EXPECT_EQ(At(1).on[0].holding, Holding::kProved) << "it is known now";
}

TEST_F(ClaimantsTest, StandBehindNoneThatIsNoWrapKeyOfThisContext) {
  std::vector<InventoryEntry> others = {planted_, planted_, planted_};
  others[0].label.replace(others[0].label.size() - 6, 6, "000000");
  KeyLabel mark = Label(1), role = Label(1);
  mark.withdrawn = true;
  role.role = KeyRole::kMac;
  others[1].label = FormatKeyLabel(mark);
  others[2].label = FormatKeyLabel(role);
  for (const InventoryEntry& other : others) {
    Serve(1);
    ScanAll({Plain(real_), other});
    EXPECT_EQ(At(1).verdict.standing, Standing::kAccepted) << other.label;
    EXPECT_EQ(At(1).candidate.label_text, real_.label);
  }
}

TEST_F(ClaimantsTest, OpenWhatTheyWrappedAlsoUnderALabelThatIsNoWrapKeys) {
  planted_.label.replace(planted_.label.size() - 6, 6, "000000");
  Serve(1);
  ScanAll({planted_});
  Succeed(*Next());
  EXPECT_EQ(At(1).on[0].holding, Holding::kProved);
  EXPECT_EQ(At(1).verdict.standing, Standing::kDecryptOnly);
}

TEST_F(ClaimantsTest, AreJudgedByEachTokenForItself) {
  Serve(1, 2);
  Scan(1, {Plain(planted_)});
  Answer(1);
  EXPECT_EQ(At(1).on[1].holding, Holding::kForeign);
  Scan(0, {real_});
  Answer(0);
  EXPECT_EQ(At(1).on[0].holding, Holding::kProved);
  EXPECT_EQ(At(1).candidate.label_text, real_.label);
  EXPECT_THAT(At(1).WrapProblem(), IsEmpty());
}

TEST_F(ClaimantsTest, MayHaveOtherLabelsOnOtherTokens) {
  Serve(1, 2);
  Scan(0, {real_});
  Scan(1, {planted_});
  WorkEverywhere();
  EXPECT_EQ(At(1).on[0].holding, Holding::kProved);
  EXPECT_EQ(At(1).on[1].holding, Holding::kProved);
}

TEST_F(ClaimantsTest, AreForeignOnceNoneOpensTheCanaryAndAreAllAskedAgain) {
  Serve(1);
  ScanAll({real_, planted_});
  EXPECT_THAT(Fail(*Next(), Reason::kCiphertextRefused).events, IsEmpty());
  EXPECT_THAT(Fail(*Next(), Reason::kCiphertextRefused).events, ElementsAre(Named("key_foreign")));
  EXPECT_EQ(At(1).on[0].holding, Holding::kForeign);
  EXPECT_FALSE(Next());
  Pass(60s);
  EXPECT_THAT(Fail(*Next(), Reason::kCiphertextRefused).events, IsEmpty());
  Succeed(*Next());
  EXPECT_EQ(At(1).on[0].holding, Holding::kProved);
}

TEST_F(ClaimantsTest, TakeOverOnceTheOneThatWasUsedIsGone) {
  Serve(1);
  ScanAll({real_, planted_});
  Answer();
  EXPECT_EQ(At(1).on[0].holding, Holding::kProved);
  generations_->OnNewWorker(0, "lib 1");
  ScanAll({real_, planted_});
  EXPECT_EQ(LabelOf(*Next()), real_.label) << "the other was refused before";
  Fail(*Next(), Reason::kKeyMissing);
  EXPECT_EQ(LabelOf(*Next()), planted_.label);
}

TEST_F(ClaimantsTest, OfAnOldGenerationAreAskedWithoutDelay) {
  Know(1);
  Know(3, 'k');
  Serve(2);
  ScanAll({Entry(2), Entry(3, 'k'), real_, planted_});
  Work();
  ScanAll({real_, planted_});
  generations_->OnNewWorker(0, "lib 1");
  Fail(*Next(), Reason::kCiphertextRefused);
  EXPECT_THAT(Next(), IsJobOf(Kind::kOpenCanary, KeyId(1)));
}

TEST_F(ClaimantsTest, AreNotBelievedForAnAnswerThatAnotherGave) {
  Serve(1);
  ScanAll({planted_});
  const auto job = Next();
  ScanAll({real_});
  Succeed(*job);
  EXPECT_EQ(At(1).on[0].holding, Holding::kUnproved);
}

TEST_F(ClaimantsTest, StopNoWrapsWhereTheRealKeyIsProvedElsewhere) {
  Serve(1, 2);
  Scan(0, {real_});
  Scan(1, {Plain(real_)});
  Work(0);
  EXPECT_THAT(At(1).WrapProblem(), IsEmpty()) << "not yet known to be the same key";
  Fail(*Next(1), Reason::kCiphertextRefused, 1);
  generations_->OnNewWorker(0, "lib 1");
  generations_->OnNewWorker(1, "lib 1");
  EXPECT_THAT(At(1).WrapProblem(), IsEmpty()) << "foreign until disproved";
}

}  // namespace
}  // namespace mortise::hsm
