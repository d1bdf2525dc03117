// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/status_report.h"
#include "cli/status_url.h"
#include "metrics/statusz.h"
#include "test/unit/metrics/fake_keyring.h"

namespace mortise::cli {
namespace {

using metrics::FakeKeyring;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Json = nlohmann::ordered_json;

// What `mortise status` makes of a real status page with one keyring.
class StatusTest : public testing::Test {
 protected:
  Json Page() const {
    metrics::StatuszFacts facts;
    facts.version = "1.2.3";
    facts.now = Clock::now();
    facts.start = facts.now - std::chrono::minutes(75);
    facts.last_errors = errors_;
    facts.keyrings = {
        {"prod", std::chrono::seconds(30), std::make_shared<const hsm::KeyringStatus>(status_)}};
    return Json::parse(metrics::StatuszJson(facts));
  }

  void TakeTokenDown(const std::string& problem) {
    status_.tokens[0].is_up = false;
    status_.tokens[0].problem = problem;
    status_.last_proof = Clock::now() - std::chrono::minutes(5);
  }

  std::string Report() const { return StatusReport(Page()); }

  hsm::KeyringStatus status_ = FakeKeyring::Healthy();
  std::vector<metrics::OperationProblem> errors_;
};

TEST_F(StatusTest, IsZeroAndWithoutAdviceWhenAllIsWell) {
  EXPECT_EQ(Verdict(Page()), ExitCode::kOk);
  EXPECT_THAT(Advice(Page()), IsEmpty());
}

TEST_F(StatusTest, ShowsKeyringsKeysTokensAndTheAgeOfTheProof) {
  status_.last_proof = Clock::now() - std::chrono::milliseconds(25200);
  EXPECT_THAT(Report(), AllOf(HasSubstr("up 1 h 15 min: ready\n"), HasSubstr("keyring prod: ready"),
                              HasSubstr("active key: prod.000001.0123456789abcdef"),
                              HasSubstr("7 of 268435456"), HasSubstr("hsm-a  up"),
                              HasSubstr("4711"), HasSubstr("last proof: 25.2 s ago (worth 30 s)")));
}

TEST_F(StatusTest, ShowsWhatIsWaived) {
  status_.tokens[0].waived = {"CKA_LOCAL", "CKA_MODIFIABLE"};
  EXPECT_THAT(Report(), HasSubstr("token hsm-a, waived: CKA_LOCAL, CKA_MODIFIABLE\n"));
}

TEST_F(StatusTest, ShowsACertificateAsStatedBesideWhatTheTokenReports) {
  const config::Assurance stated{
      .standard = "FIPS 140-3", .level = "3", .firmware = "7.4.1", .valid_until = "2030-12-31"};
  status_.tokens[0].firmware = "7.4";
  status_.tokens[0].assurance =
      hsm::CompareAssurance(stated, "7.4", ParseTime("2026-06-01T00:00:00Z"));
  EXPECT_THAT(Report(), HasSubstr("as stated: FIPS 140-3, level 3, firmware 7.4.1, valid until "
                                  "2030-12-31; as the token reports: firmware 7.4 (matches)\n"));
  EXPECT_THAT(Advice(Page()), IsEmpty());
}

TEST_F(StatusTest, AdvisesOnACertificateThatEndedOrIsOfAnotherFirmwareAndStaysZero) {
  status_.tokens[0].firmware = "7.5";
  status_.tokens[0].assurance =
      hsm::CompareAssurance({.standard = "FIPS", .firmware = "7.4", .valid_until = "2025-12-31"},
                            "7.5", ParseTime("2026-06-01T00:00:00Z"));
  EXPECT_THAT(Report(),
              AllOf(HasSubstr("(ENDED)"), HasSubstr("firmware 7.5 (DIFFERS)"),
                    HasSubstr("was valid until 2025-12-31"), HasSubstr("is stated to be for 7.4")));
  EXPECT_EQ(Verdict(Page()), ExitCode::kOk);
}

TEST_F(StatusTest, IsSixWhenNoTokenOfAKeyringIsUp) {
  TakeTokenDown("C_Initialize: device removed");
  EXPECT_EQ(Verdict(Page()), ExitCode::kHsmUnreachable);
  EXPECT_THAT(Report(), AllOf(HasSubstr("NOT READY"), HasSubstr("C_Initialize: device removed"),
                              HasSubstr("next: check the HSM")));
}

TEST_F(StatusTest, IsOneForATroubleThatNoTokenCanMend) {
  TakeTokenDown("the key is gone");
  status_.fatal = Error(Reason::kKeyMissing, "the active KEK is missing");
  EXPECT_EQ(Verdict(Page()), ExitCode::kFailed);
  EXPECT_THAT(Report(), AllOf(HasSubstr("the active KEK is missing"),
                              HasSubstr("next: restore the key in the token")));
}

TEST_F(StatusTest, IsOneWhileThereIsNoKeyAndSaysHowToMakeIt) {
  status_.generations.clear();
  status_.active_key_id.clear();
  status_.last_proof.reset();
  status_.waiting_for = "a key";
  EXPECT_EQ(Verdict(Page()), ExitCode::kFailed);
  EXPECT_THAT(Report(), AllOf(HasSubstr("active key: none yet"),
                              HasSubstr("mortise key create --config FILE --admin-config "
                                        "ADMIN-FILE --keyring prod")));
}

TEST_F(StatusTest, TellsHowToGoOnAfterAWrongPin) {
  TakeTokenDown("C_Login: the PIN is wrong");
  status_.tokens[0].problem_reason = Reason::kPinRejected;
  EXPECT_THAT(Report(), AllOf(HasSubstr("next: write the right PIN"), HasSubstr("--token hsm-a`"),
                              Not(HasSubstr("check the HSM"))));
  errors_ = {{.token = "hsm-a", .reason = Reason::kPinRejected, .ckr = 0xa0}};
  EXPECT_THAT(Report(), AllOf(HasSubstr("mortise token unlatch"), HasSubstr("pin_rejected"),
                              HasSubstr("CKR 0xa0")));
}

TEST_F(StatusTest, IsOneAndNotReadyForWrappingWhileNothingIsWrapped) {
  status_.wrap_refusal =
      Error(Reason::kStateUnusable, "nothing is wrapped: /state: Read-only file system");
  EXPECT_EQ(Verdict(Page()), ExitCode::kFailed);
  EXPECT_THAT(
      Report(),
      AllOf(
          HasSubstr("keyring prod: ready for unwrapping, NOT READY for wrapping\n"),
          HasSubstr("keyring prod wraps nothing, so writes fail: /state: Read-only file system\n"),
          HasSubstr("next: make `stateDir` writable")));
}

TEST_F(StatusTest, RepeatsTheCureOfAMistakeInTheConfiguration) {
  const std::vector<std::pair<std::string, std::string>> mistakes = {
      {"no token matches pkcs11:token=x; the module shows: token=y serial=1",
       "let tokens[].uri name a token"},
      {"2 tokens match pkcs11:; add serial= to tokens[].uri so that one does", "add serial="},
      {"/bin/ls is not a PKCS#11 module: it has no C_GetFunctionList; check tokens[].module",
       "let tokens[].module name"},
      {"cannot load the PKCS#11 module /x.so: not found; check tokens[].module",
       "correct tokens[].module"}};
  for (const auto& [problem, cure] : mistakes) {
    TakeTokenDown(problem);
    status_.tokens[0].problem_reason = Reason::kUnavailable;
    EXPECT_THAT(Report(), AllOf(HasSubstr("next: " + cure), Not(HasSubstr("connects by itself"))));
  }
}

TEST_F(StatusTest, SaysHowToMendADamagedFileOfTheStateFolder) {
  status_.last_proof.reset();
  status_.wrap_refusal = Error(Reason::kStateUnusable,
                               "nothing is wrapped: /state/state.json: damaged (it is no JSON "
                               "object), so nothing is wrapped");
  EXPECT_THAT(Report(), HasSubstr("next: restore that file from a backup"));
}

TEST_F(StatusTest, TellsAProblemOnceForAllKeyringsThatUseTheToken) {
  TakeTokenDown("C_Initialize: device removed");
  Json page = Page();
  page["keyrings"].push_back(page["keyrings"][0]);
  EXPECT_THAT(Advice(page), testing::SizeIs(1));
}

TEST_F(StatusTest, WarnsBeforeAKeysWrapsAreSpent) {
  status_.generations[0].wraps = 230'000'000;
  EXPECT_EQ(Verdict(Page()), ExitCode::kOk);
  EXPECT_THAT(Report(), HasSubstr("has spent 230000000 of 268435456 wraps"));
}

TEST_F(StatusTest, NamesWhatIsWrongWithAGeneration) {
  status_.generations[0].problem = "CKA_EXTRACTABLE is true";
  EXPECT_THAT(Report(), HasSubstr("key prod.000001.0123456789abcdef is active: CKA_EXTRACTABLE"));
}

TEST(StatusUrlTest, ReachesAnAddressThatMeansEverywhere) {
  EXPECT_EQ(StatusUrl("127.0.0.1:9464"), "http://127.0.0.1:9464");
  EXPECT_EQ(StatusUrl("0.0.0.0:9464"), "http://127.0.0.1:9464");
  EXPECT_EQ(StatusUrl(":9464"), "http://127.0.0.1:9464");
  EXPECT_EQ(StatusUrl("[::]:9464"), "http://[::1]:9464");
}

TEST(StatusUrlTest, CannotGuessAPortThatTheSystemChooses) {
  for (const char* address : {"", "127.0.0.1:0"}) {
    try {
      StatusUrl(address);
      ADD_FAILURE() << address;
    } catch (const Error& error) {
      EXPECT_EQ(error.reason(), Reason::kConfig);
    }
  }
}

}  // namespace
}  // namespace mortise::cli
