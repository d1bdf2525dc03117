// SPDX-License-Identifier: Apache-2.0
#include "doctor/tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "doctor/check_json.h"
#include "doctor/mechanisms.h"
#include "doctor/performance.h"
#include "doctor/pin_memory.h"
#include "doctor/token_outside.h"
#include "hsm/worker/pin_record.h"
#include "test/support/softhsm_token.h"
#include "test/support/temp_dir.h"
#include "test/unit/doctor/findings.h"

namespace mortise::doctor {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr CK_FLAGS kGoodFlags = CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED;

std::vector<std::string> OfFlags(CK_FLAGS flags, config::Login login = config::Login::kPin) {
  config::Token token;
  token.name = "hsm-a";
  token.login = login;
  hsm::TokenDescription seen;
  seen.flags = flags;
  CheckList list("token");
  JudgeFlags(token, seen, list);
  return Verdicts(list);
}

TEST(TokenFlagsTest, APinThatIsSetAndCleanPasses) {
  EXPECT_THAT(OfFlags(kGoodFlags), ElementsAre("pass pin"));
}

TEST(TokenFlagsTest, EveryTroubleWithThePinFailsSoThatNoneIsSent) {
  EXPECT_THAT(OfFlags(CKF_TOKEN_INITIALIZED), ElementsAre("fail pin"));
  EXPECT_THAT(OfFlags(kGoodFlags | CKF_USER_PIN_LOCKED), ElementsAre("fail pin"));
  EXPECT_THAT(OfFlags(kGoodFlags | CKF_USER_PIN_FINAL_TRY), ElementsAre("fail pin"));
  EXPECT_THAT(OfFlags(kGoodFlags | CKF_USER_PIN_COUNT_LOW), ElementsAre("fail pin"));
}

TEST(TokenFlagsTest, ATokenThatIsUsedWithoutLoginNeedsNoPin) {
  EXPECT_THAT(OfFlags(CKF_TOKEN_INITIALIZED, config::Login::kNone), ElementsAre());
}

TEST(TokenFlagsTest, AKeypadOrAWriteProtectedTokenWarnsAndAnErrorStateFails) {
  EXPECT_THAT(OfFlags(kGoodFlags | CKF_PROTECTED_AUTHENTICATION_PATH), ElementsAre("warn pin"));
  EXPECT_THAT(OfFlags(kGoodFlags | CKF_WRITE_PROTECTED),
              ElementsAre("warn token-state", "pass pin"));
  EXPECT_THAT(OfFlags(kGoodFlags | 0x01000000), Contains("fail token-state"));
}

TEST(TokenSessionsTest, ALimitThatIsTooSmallWarns) {
  config::Token token;
  token.workers = 2;
  token.sessions = 4;
  for (const auto& [limit, verdict] : std::map<CK_ULONG, std::string>{
           {0, "pass sessions"}, {8, "warn sessions"}, {100, "pass sessions"}}) {
    hsm::TokenDescription seen;
    seen.max_sessions = limit;
    CheckList list("token");
    JudgeSessions(token, seen, list);
    EXPECT_THAT(Verdicts(list), ElementsAre(verdict)) << limit;
  }
}

// A token that has AES-GCM for one way only, and nothing else.
CK_RV OnlyDecrypts(CK_SLOT_ID, CK_MECHANISM_TYPE mechanism, CK_MECHANISM_INFO* info) {
  if (mechanism != CKM_AES_GCM) return CKR_MECHANISM_INVALID;
  *info = {128, 256, CKF_DECRYPT};
  return CKR_OK;
}

TEST(MechanismsTest, AMechanismWithoutTheFlagFailsByTheFlagAndAMissingOneByItsName) {
  CK_FUNCTION_LIST p11{};
  p11.C_GetMechanismInfo = OnlyDecrypts;
  config::Keyring keyring;
  for (const auto& [scheme, why] : std::map<std::string, std::string>{
           {"aes-gcm", "CKM_AES_GCM is there, but without CKF_ENCRYPT and CKF_DECRYPT"},
           {"aes-cbc-hmac", "CKM_AES_CBC is missing"},
           {"rsa-oaep-sign-sha1", "CKM_RSA_PKCS_OAEP is missing"},
           {"auto", "rsa-oaep-sign: CKM_RSA_PKCS_OAEP is missing"}}) {
    keyring.scheme = scheme;
    CheckList list("token");
    CheckMechanisms(p11, 0, config::Token(), keyring, list);
    EXPECT_THAT(Verdicts(list), ElementsAre("fail mechanisms")) << scheme;
    EXPECT_THAT(FirstProblem(list), HasSubstr(why)) << scheme;
  }
}

std::vector<std::string> OfLatency(Clock::duration each) {
  config::Token token;
  CheckList list("performance");
  JudgePerformance(std::vector<Clock::duration>(200, each), "canary", token, 3s, list);
  return Verdicts(list);
}

TEST(PerformanceTest, WhatAnAttemptMayTakeIsTheMeasure) {
  EXPECT_THAT(OfLatency(20ms), ElementsAre("pass latency"));
  EXPECT_THAT(OfLatency(500ms), ElementsAre("warn latency"));
  EXPECT_THAT(OfLatency(1450ms), ElementsAre("fail latency"));
}

TEST(PerformanceTest, AFewSlowOnesOfMany) {
  std::vector<Clock::duration> took(197, 2ms);
  took.insert(took.end(), 3, 2s);
  CheckList list("performance");
  JudgePerformance(took, "canary", config::Token(), 3s, list);
  EXPECT_THAT(Verdicts(list), ElementsAre("fail latency"));
}

class PinMemoryTest : public testing::Test {
 protected:
  PinMemoryTest() {
    token_.name = "hsm-a";
    token_.pin_file = dir_ / "pin";
    std::filesystem::create_directories(dir_ / "state/pin-latch");
    WritePin("1234");
  }
  void WritePin(const std::string& pin) { WriteFileAtomically(dir_ / "pin", pin + "\n", 0400); }
  void Remember(hsm::PinRecord::State state) {
    hsm::PinRecord record = hsm::PinRecord::Of(AsBytes("1234"), "serial");
    record.state = state;
    WriteFileAtomically(dir_ / "state/pin-latch/hsm-a.json", record.Text());
  }
  std::vector<std::string> Look() {
    list_ = CheckList("token");
    CheckPinMemory(token_, dir_ / "state", "serial", list_);
    return Verdicts(list_);
  }

  test::TempDir dir_;
  config::Token token_;
  CheckList list_{"token"};
};

TEST_F(PinMemoryTest, ANewPinPassesAndSoDoesOneThatIsBeingTried) {
  EXPECT_THAT(Look(), ElementsAre("pass pin-file"));
  Remember(hsm::PinRecord::State::kTrying);
  EXPECT_THAT(Look(), ElementsAre("pass pin-file"));
}

TEST_F(PinMemoryTest, ARejectedPinFailsUntilTheFileHasAnother) {
  Remember(hsm::PinRecord::State::kRejected);
  EXPECT_THAT(Look(), ElementsAre("fail pin-file"));
  EXPECT_THAT(FirstProblem(list_), HasSubstr("token unlatch"));
  // One PIN in 256 looks like the rejected one, so not every other one will do.
  bool has_passed = false;
  for (int i = 0; i < 8 && !has_passed; ++i) {
    WritePin("other-" + std::to_string(i));
    has_passed = Look() == std::vector<std::string>{"pass pin-file"};
  }
  EXPECT_TRUE(has_passed);
}

TEST_F(PinMemoryTest, AFileThatIsEmptyMissingOrReadableByOthersFails) {
  WritePin("");
  EXPECT_THAT(Look(), ElementsAre("fail pin-file"));
  WritePin("1234");
  chmod((dir_ / "pin").c_str(), 0444);
  EXPECT_THAT(Look(), ElementsAre("fail pin-file"));
  RemoveFile(dir_ / "pin");
  EXPECT_THAT(Look(), ElementsAre("fail pin-file"));
}

TEST_F(PinMemoryTest, ADamagedRecordFails) {
  WriteFileAtomically(dir_ / "state/pin-latch/hsm-a.json", "{");
  EXPECT_THAT(Look(), ElementsAre("fail pin-file"));
}

// Visits that answer or fail as a test says; no library is loaded.
class VisitTest : public testing::Test {
 protected:
  VisitTest() {
    config::Token token;
    token.name = "hsm-a";
    token.module = test::SoftHsmToken::Module();
    config_.tokens = {token};
  }
  std::vector<std::string> Look(const TokensOrder& order = {}) {
    const auto run = [this](const config::Token&, config::Duration,
                            const std::function<nlohmann::ordered_json()>&) {
      ++visits_;
      if (problem_) throw *problem_;
      return ToJson(answer_);
    };
    std::vector<std::string> verdicts;
    for (const Check& check : CheckTokens(config_, order, Linker::OfThisSystem(), run)) {
      verdicts.push_back(std::string(Name(check.status)) + " " + check.id);
    }
    return verdicts;
  }

  config::Config config_;
  std::vector<Check> answer_ = {{"token", "pin", CheckStatus::kPass, "good", ""}};
  std::optional<Error> problem_;
  int visits_ = 0;
};

TEST_F(VisitTest, AWellTokenIsVisitedOutsideAndInside) {
  EXPECT_EQ(Look().front(), "pass pin");
  EXPECT_EQ(visits_, 2);
}

TEST_F(VisitTest, ATokenThatMayNotBeLoggedInToIsVisitedOutsideAlone) {
  EXPECT_THAT(Look({.may_login = false, .wants_inside = false}),
              ElementsAre("pass pin", "skip login"));
  EXPECT_EQ(visits_, 1);
}

TEST_F(VisitTest, CategoriesThatCouldNotBeLookedAtSaySo) {
  EXPECT_THAT(Look({.may_login = false}), ElementsAre("pass pin", "skip login", "skip token-login",
                                                      "skip token-login", "skip token-login"));
}

TEST_F(VisitTest, AfterAFailureOutsideNobodyLogsIn) {
  answer_[0].status = CheckStatus::kFail;
  EXPECT_THAT(Look({.wants_inside = false}), ElementsAre("fail pin"));
  EXPECT_EQ(visits_, 1);
}

TEST_F(VisitTest, ALibraryThatCrashesIsAFinding) {
  problem_ = Error(Reason::kWorkerLost, "the library ended the process by signal 11");
  EXPECT_THAT(Look({.wants_inside = false}), ElementsAre("fail token-slot"));
}

TEST_F(VisitTest, ALibraryThatTheCategoryLibraryRefusesIsNotLoaded) {
  test::TempDir dir;
  config_.tokens[0].module = dir / "none.so";
  EXPECT_THAT(Look({.wants_inside = false}), ElementsAre("fail token-library"));
  std::filesystem::copy(test::SoftHsmToken::Module(), dir / "open.so");
  chmod((dir / "open.so").c_str(), 0666);
  config_.tokens[0].module = dir / "open.so";
  EXPECT_THAT(Look({.wants_inside = false}), ElementsAre("fail token-library"));
  EXPECT_EQ(visits_, 0);
}

}  // namespace
}  // namespace mortise::doctor
