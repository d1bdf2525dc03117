// SPDX-License-Identifier: Apache-2.0
// What is found out about a token on throw-away keys, on the tokens that the fault module plays.
#include "hsm/worker/scheme_probe.h"

#include "hsm/worker/kek_operations.h"
#include "test/support/nss_token.h"
#include "test/token/scheme_fixture.h"

namespace mortise::hsm {
namespace {

using config::IvMode;
using test::ThrowsError;

class ProbedTokenTest : public test::SchemeTest {
 protected:
  ProbeResult Probe(SchemeId scheme, IvMode mode = IvMode::kAuto) {
    return ProbeScheme(*anchor_, scheme, mode);
  }
};

TEST_F(ProbedTokenTest, FindsWhatSoftHsmProves) {
  Open();
  EXPECT_EQ(FindIvMode(*anchor_), IvMode::kCaller);
  EXPECT_EQ(Probe(SchemeId::kAesGcm, IvMode::kWrittenBack).verdict, ProbeVerdict::kRefused);
  EXPECT_EQ(Probe(SchemeId::kAesGcm, IvMode::kPrepended).verdict, ProbeVerdict::kNotOffered);
  EXPECT_EQ(Probe(SchemeId::kAesKwp).verdict, ProbeVerdict::kNotOffered);
  EXPECT_EQ(Probe(SchemeId::kAesCbcHmac).verdict, ProbeVerdict::kProved);
}

TEST_F(ProbedTokenTest, ProvesRsaWithWhatOaepTheTokenHas) {
  Open();
  const ProbeTable table = ProbeAll(*anchor_);
  ASSERT_EQ(table.size(), 11U);
  const auto verdict = [&](SchemeId scheme) {
    return std::ranges::find(table, scheme, &ProbeResult::scheme)->verdict;
  };
  EXPECT_EQ(verdict(SchemeId::kRsaOaepHmac), ProbeVerdict::kRefused);  // SHA-1 only
  EXPECT_EQ(verdict(SchemeId::kRsaOaepHmacSha1), ProbeVerdict::kProved);
  EXPECT_EQ(verdict(SchemeId::kRsaOaepSignSha1), ProbeVerdict::kProved);
  EXPECT_EQ(BestScheme(std::array{table}), SchemeId::kAesGcm);
}

TEST_F(ProbedTokenTest, FindsTheModeOfEachKindOfToken) {
  Open();
  for (const auto& [roles, mode] : {std::pair{"written-back", IvMode::kWrittenBack},
                                    {"appended", IvMode::kAppended},
                                    {"appended-16", IvMode::kAppended},
                                    {"prepended", IvMode::kPrepended}}) {
    token_.faults().Clear();
    token_.faults().Play(roles);
    EXPECT_EQ(FindIvMode(*anchor_), mode) << roles;
  }
}

TEST_F(ProbedTokenTest, FindsMessages) {
  Open("message-random");
  EXPECT_EQ(FindIvMode(*anchor_), IvMode::kMessageRandom);
}

TEST_F(ProbedTokenTest, AsksForTheModeWhereThereAreNoThrowAwayKeys) {
  Open("no-session-keys");
  EXPECT_EQ(Probe(SchemeId::kAesGcm, IvMode::kCaller).verdict, ProbeVerdict::kUntried);
  EXPECT_THAT([&] { FindIvMode(*anchor_); }, ThrowsError(Reason::kKeyRefused, "tokens[].ivMode"));
}

TEST_F(ProbedTokenTest, SaysThatNoModeIsProvedWhereCallersIvsAreForbidden) {
  Open("fips-no-caller");
  EXPECT_THAT([&] { FindIvMode(*anchor_); }, ThrowsError(Reason::kKeyRefused, "no IV mode"));
}

TEST_F(ProbedTokenTest, CallsATokenThatIsGoneGone) {
  Open();
  token_.faults().Answer("C_EncryptInit", CKR_DEVICE_ERROR);
  EXPECT_EQ(Probe(SchemeId::kAesGcm, IvMode::kCaller).verdict, ProbeVerdict::kRefused);
  token_.faults().Clear();
  token_.faults().RemoveToken();
  EXPECT_THAT([&] { Probe(SchemeId::kAesGcm, IvMode::kCaller); },
              ThrowsError(Reason::kUnavailable));
}

TEST_F(ProbedTokenTest, ProvesNothingOfATokenThatLies) {
  Open();
  for (const char* lie : {"identity", "ignores-tag", "ignores-aad", "drops-tag", "short-output",
                          "long-plaintext", "unchanged-output"}) {
    token_.faults().Clear();
    token_.faults().Play(lie);
    EXPECT_EQ(Probe(SchemeId::kAesGcm, IvMode::kCaller).verdict, ProbeVerdict::kRefused) << lie;
  }
  token_.faults().Clear();
  token_.faults().Play("constant-signature");
  EXPECT_EQ(Probe(SchemeId::kAesCbcHmac).verdict, ProbeVerdict::kRefused);
}

TEST_F(ProbedTokenTest, IsNotUsedInAConfiguredModeThatItDoesNotHave) {
  Open();
  HeldKek keys{.wrap = std::make_shared<HeldKey>(), .authenticator = nullptr};
  keys.wrap->handle = GenerateThrowAwayAesKey(*anchor_);
  KekOperations operations(IvMode::kWrittenBack);
  EXPECT_THAT([&] { operations.Wrap(*anchor_, keys, KekView{}, Purpose::kSeed, seed_); },
              ThrowsError(Reason::kKeyRefused, "tokens[].ivMode"));
}

TEST_F(ProbedTokenTest, IsUsedInTheModeThatWasFound) {
  Open("appended");
  HeldKek keys{.wrap = std::make_shared<HeldKey>(), .authenticator = nullptr};
  keys.wrap->handle = GenerateThrowAwayAesKey(*anchor_);
  KekOperations operations(IvMode::kAuto);
  const std::string envelope =
      operations.WrapAndProve(*anchor_, keys, KekView{}, Purpose::kSeed, seed_);
  EXPECT_EQ(Envelope::Parse(AsBytes(envelope)).iv.size(), 16U);
  const std::uint64_t before = token_.faults().Calls("C_Encrypt");
  operations.Wrap(*anchor_, keys, KekView{}, Purpose::kSeed, seed_);
  EXPECT_EQ(token_.faults().Calls("C_Encrypt"), before + 1);
}

TEST_F(ProbedTokenTest, WorksOrNotByAThrowAwayKeyEvenWithoutCallersIvs) {
  Open("fips-no-caller");
  KekOperations operations(IvMode::kAuto);
  EXPECT_NO_THROW(operations.ProveToken(*anchor_));
  token_.faults().Play("identity");
  EXPECT_THAT([&] { operations.ProveToken(*anchor_); }, ThrowsError(Reason::kProofFailed));
}

// NSS softokn, which has KWP, messages and OAEP with SHA-256.
TEST(ProbedNssTest, ProvesWhatSoftHsmLacks) {
  if (const auto why_not = test::NssToken::WhyNot()) GTEST_SKIP() << *why_not;
  const test::NssToken token;
  token.Export();
  const Module module(token.ToConfig().module, token.ToConfig().init_args);
  const Session session(module, FindToken(module, token.ToConfig().uri), true);
  session.Login(CKU_USER, token.Pin().view());
  const ProbeTable table = ProbeAll(session);
  const auto expect_proved = [&](SchemeId scheme, IvMode mode) {
    const auto row = std::ranges::find_if(table, [&](const ProbeResult& result) {
      return result.scheme == scheme && result.iv_mode == mode;
    });
    EXPECT_EQ(row->verdict, ProbeVerdict::kProved) << Name(scheme) << ": " << row->why;
  };
  expect_proved(SchemeId::kAesGcm, IvMode::kMessageRandom);
  expect_proved(SchemeId::kAesGcm, IvMode::kCaller);
  expect_proved(SchemeId::kAesKwp, IvMode::kAuto);
  expect_proved(SchemeId::kAesCbcHmac, IvMode::kAuto);
  expect_proved(SchemeId::kRsaOaepHmac, IvMode::kAuto);
  expect_proved(SchemeId::kRsaOaepSign, IvMode::kAuto);
  EXPECT_EQ(FindIvMode(session), IvMode::kMessageRandom);
  EXPECT_EQ(BestScheme(std::array{table}), SchemeId::kAesKwp);
}

ProbeTable Proved(std::initializer_list<std::pair<SchemeId, IvMode>> rows) {
  ProbeTable table;
  for (const auto& [scheme, mode] : rows) {
    table.push_back({scheme, mode, ProbeVerdict::kProved, ""});
  }
  return table;
}

TEST(BestSchemeTest, IsWhatTheWeakestTokenMakesOfIt) {
  using enum SchemeId;
  const ProbeTable hsm = Proved({{kAesGcm, IvMode::kAppended}, {kAesKwp, IvMode::kAuto}});
  const ProbeTable soft = Proved({{kAesGcm, IvMode::kCaller}, {kAesCbcHmac, IvMode::kAuto}});
  const ProbeTable nss = Proved({{kAesGcm, IvMode::kMessageRandom}, {kAesKwp, IvMode::kAuto}});
  const ProbeTable card = Proved({{kRsaOaepHmac, IvMode::kAuto}, {kRsaOaepSign, IvMode::kAuto}});
  EXPECT_EQ(BestScheme(std::array{hsm}), kAesGcm);
  EXPECT_EQ(BestScheme(std::array{nss}), kAesKwp);
  EXPECT_EQ(BestScheme(std::array{hsm, nss}), kAesKwp);
  EXPECT_EQ(BestScheme(std::array{hsm, soft}), kAesGcm);
  EXPECT_EQ(BestScheme(std::array{card}), kRsaOaepHmac);
  EXPECT_EQ(BestScheme(std::array{card, soft}), std::nullopt);
}

}  // namespace
}  // namespace mortise::hsm
