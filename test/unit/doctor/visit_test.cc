// SPDX-License-Identifier: Apache-2.0
// What the process that visits a token finds there: SoftHSM2 behind the fault module, which
// says and does what other tokens do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "doctor/schemes.h"
#include "doctor/token_inside.h"
#include "doctor/token_outside.h"
#include "hsm/canary_store.h"
#include "hsm/key_creation.h"
#include "hsm/opened_token.h"
#include "hsm/state_dir.h"
#include "hsm/worker/kek_operations.h"
#include "hsm/wrap_outlook.h"
#include "test/support/key_maker.h"
#include "test/support/softhsm_token.h"

namespace mortise::doctor {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class VisitTokenTest : public testing::Test {
 protected:
  VisitTokenTest() {
    token_.Export();
    const hsm::StateDir make(state_dir_);
    config_.state_dir = state_dir_;
    config_.tokens = {token_.ToConfig("hsm-a")};
    config::Keyring keyring;
    keyring.name = "prod";
    keyring.context = "cluster-a";
    keyring.tokens = {"hsm-a"};
    config_.keyrings = {keyring};
  }

  static std::vector<std::string> Shown(const std::vector<Check>& checks) {
    std::vector<std::string> shown;
    for (const Check& check : checks) {
      shown.push_back(check.category + ": " + std::string(Name(check.status)) + " " + check.id +
                      ": " + check.what + " | " + check.hint);
    }
    return shown;
  }
  auto Outside() { return Shown(LookAtToken(config_.tokens[0], config_)); }
  auto Inside() { return Shown(LookInside(config_.tokens[0], config_, {})); }

  test::SoftHsmToken token_;
  std::string state_dir_ = token_.folder() + "/state";
  config::Config config_;
};

TEST_F(VisitTokenTest, AMechanismThatTheTokenLacksFailsByName) {
  config_.keyrings[0].scheme = "aes-kwp";
  EXPECT_THAT(Outside(), Contains(AllOf(HasSubstr("fail mechanisms"),
                                        HasSubstr("CKM_AES_KEY_WRAP_KWP is missing"))));
}

TEST_F(VisitTokenTest, AMechanismThatTheTokenHasPasses) {
  token_.faults().Play("kwp");
  config_.keyrings[0].scheme = "aes-kwp";
  EXPECT_THAT(Outside(), Contains(AllOf(HasSubstr("pass mechanisms"), HasSubstr("aes-kwp"))));
}

TEST_F(VisitTokenTest, WhatTheTokenSaysOfItsPinIsTold) {
  token_.faults().Play("token-flags=0x20000");
  EXPECT_THAT(Outside(), Contains(HasSubstr("fail pin: ")));
}

TEST_F(VisitTokenTest, TooFewSessionsAreTold) {
  token_.faults().Play("max-sessions=2");
  EXPECT_THAT(Outside(), Contains(HasSubstr("warn sessions")));
}

TEST_F(VisitTokenTest, ATokenOfAnotherNameIsAnErrorThatNamesThoseThatAreThere) {
  config_.tokens[0].uri = "pkcs11:token=nobody";
  try {
    Outside();
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("token=" + token_.label()));
  }
}

TEST_F(VisitTokenTest, ATokenThatDoesNotOpenWhatItWrappedFails) {
  token_.faults().Corrupt("C_Decrypt", 1);
  EXPECT_THAT(Inside(), Contains(HasSubstr("crypto: fail throw-away-key")));
}

TEST_F(VisitTokenTest, ATokenWithoutThrowAwayKeysIsNotAFailure) {
  token_.faults().Play("no-session-keys");
  EXPECT_THAT(Inside(), AllOf(Contains(HasSubstr("crypto: skip throw-away-key")),
                              Contains(HasSubstr("crypto: skip schemes")),
                              Contains(HasSubstr("performance: skip latency")),
                              Not(Contains(HasSubstr("crypto: fail")))));
}

TEST_F(VisitTokenTest, TheSchemesThatTheTokenProvesAreTold) {
  EXPECT_THAT(Inside(), Contains(AllOf(HasSubstr("pass schemes"), HasSubstr("aes-gcm (caller)"),
                                       HasSubstr("aes-kwp: not offered"))));
}

TEST_F(VisitTokenTest, ASchemeThatTheTokenNamesAndDoesNotProveFails) {
  config_.keyrings[0].scheme = "aes-gcm";
  token_.faults().Play("ignores-aad");
  EXPECT_THAT(Inside(), Contains(HasSubstr("fail schemes: token hsm-a, keyring prod")));
}

TEST_F(VisitTokenTest, AnAttributeThatThePolicyForbidsFailsByName) {
  test::MakeKey(token_);
  token_.faults().Play("report-attribute=0x163:0");
  EXPECT_THAT(Inside(), Contains(AllOf(HasSubstr("fail key-policy"), HasSubstr("CKA_LOCAL"))));
}

TEST_F(VisitTokenTest, AKeyThatWasPlantedIsNotTaken) {
  test::MakeKey(token_, {.is_planted = true});
  EXPECT_THAT(Inside(), Contains(HasSubstr("key: warn key")));
}

TEST_F(VisitTokenTest, AStateFolderThatCannotRememberARejectionKeepsThePinHere) {
  std::filesystem::remove_all(state_dir_);
  const std::uint64_t before = token_.faults().Calls("C_Login");
  EXPECT_THAT(Inside(), Contains(HasSubstr("token: skip login")));
  EXPECT_EQ(token_.faults().Calls("C_Login"), before);
}

TEST_F(VisitTokenTest, AWrongPinIsAFindingAndItsSecondVisitSendsNone) {
  config_.tokens[0].pin_file = token_.so_pin_file();
  EXPECT_THAT(Inside(), Contains(HasSubstr("fail login")));
  EXPECT_THAT(Inside(), Contains(AllOf(HasSubstr("fail login"), HasSubstr("token unlatch"))));
  EXPECT_EQ(token_.faults().Calls("C_Login"), 1u);
}

// A token with a key that `key create` made.
class VisitKeyTest : public VisitTokenTest {
 protected:
  VisitKeyTest() {
    const config::AdminConfig admin{{{.name = "hsm-a", .pin_file = token_.pin_file()}}};
    hsm::OpenedToken opened(config_.tokens[0],
                            hsm::Credentials::ToAdminister(config_.tokens[0], admin), state_dir_);
    key_id_ = hsm::CreateFirstKey(opened, config_.keyrings[0], config_.tokens[0], state_dir_,
                                  hsm::SchemeId::kAesGcm)
                  .key_id;
  }
  std::string key_id_;
};

TEST_F(VisitKeyTest, AGoodKeyOpensItsCanaryAndIsMeasured) {
  const auto shown = Inside();
  EXPECT_THAT(shown, Contains(AllOf(HasSubstr("crypto: pass canary"), HasSubstr(key_id_))));
  EXPECT_THAT(shown,
              Contains(AllOf(HasSubstr("performance: pass latency"), HasSubstr("(canary)"))));
}

TEST_F(VisitKeyTest, NothingIsWrappedByTheKeyItself) {
  const auto wraps_of = [this](const auto& work) {
    const auto before = token_.faults().Calls();
    work();
    return token_.faults().CallsSince(before)["C_EncryptInit"];
  };
  // What is tried on throw-away keys, and nothing else.
  const std::uint64_t of_the_proofs = wraps_of([this] {
    hsm::OpenedToken opened(config_.tokens[0], hsm::Credentials::ToServe(config_.tokens[0]),
                            state_dir_);
    hsm::KekOperations(config::IvMode::kAuto).ProveToken(opened.session());
    TrySchemes(opened.session(), config_.tokens[0], config_.keyrings);
    hsm::OutlookOf(opened.session(), hsm::SchemeId::kAesGcm, config_.tokens[0],
                   config_.keyrings[0].policy);
  });
  EXPECT_GT(of_the_proofs, 0u);
  EXPECT_EQ(wraps_of([this] { Inside(); }), of_the_proofs);
}

TEST_F(VisitKeyTest, ACanaryOfOtherMaterialFails) {
  hsm::CanaryStore store(state_dir_);
  hsm::Canary canary = store.Load().canaries.at(0);
  std::filesystem::remove(state_dir_ + "/canaries/" + key_id_ + ".json");
  canary.proof[0] ^= 1;
  store.Save(canary);
  const auto shown = Inside();
  EXPECT_THAT(shown, Contains(HasSubstr("crypto: fail canary")));
  EXPECT_THAT(shown, Contains(AllOf(HasSubstr("performance: pass latency"),
                                    HasSubstr("(throw-away key)"))));
}

TEST_F(VisitKeyTest, ATokenThatFailsNowAndThenIsTold) {
  for (int i = 0; i < 20; ++i) token_.faults().Once("C_DecryptInit", 0);
  token_.faults().Once("C_DecryptInit", CKR_DEVICE_ERROR);
  EXPECT_THAT(Inside(), Contains(HasSubstr("performance: fail latency")));
}

TEST_F(VisitKeyTest, AnIvModeThatTheTokenDoesNotHaveIsAFinding) {
  config_.tokens[0].iv_mode = config::IvMode::kAppended;
  EXPECT_THAT(Inside(), Contains(AllOf(HasSubstr("fail wrap"), HasSubstr("tokens[].ivMode"))));
}

TEST_F(VisitKeyTest, ModeFipsBesideAnActiveKeyWithTheCallersIvIsAFinding) {
  config_.keyrings[0].policy.mode = config::PolicyMode::kFips;
  EXPECT_THAT(Inside(), Contains(AllOf(HasSubstr("fail wrap"), HasSubstr("mode fips"))));
}

}  // namespace
}  // namespace mortise::doctor
