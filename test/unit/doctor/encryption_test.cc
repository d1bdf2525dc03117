// SPDX-License-Identifier: Apache-2.0
#include "doctor/encryption.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "doctor/encryption_provider.h"
#include "test/support/temp_dir.h"
#include "test/unit/doctor/findings.h"

namespace mortise::doctor {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr char kHead[] =
    "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n";
constexpr char kKms[] =
    "      - kms: {apiVersion: v2, name: mortise, endpoint: "
    "\"unix:///run/mortise/prod/kms.sock\", timeout: 3s}\n";

std::string Rule(const std::string& resources, const std::string& providers) {
  return "  - resources: [" + resources + "]\n    providers:\n" + providers;
}

std::string Kms(const std::string& fields) {
  return "      - kms: {" + fields + "}\n";
}

class EncryptionTest : public testing::Test {
 protected:
  EncryptionTest() {
    config::Token token;
    token.name = "hsm-a";
    config_.tokens = {token};
    config::Keyring keyring;
    keyring.name = "prod";
    keyring.socket = "/run/mortise/prod/kms.sock";
    keyring.tokens = {"hsm-a"};
    config_.keyrings = {keyring};
  }

  std::string Write(const std::string& rules, const std::string& name = "encryption.yaml",
                    mode_t mode = 0600) {
    const std::string path = dir_ / name;
    std::ofstream(path) << kHead << rules;
    chmod(path.c_str(), mode);
    return path;
  }
  std::vector<std::string> Look(const std::vector<std::string>& files) {
    list_ = CheckList("cluster");
    CheckEncryptionFiles(files, config_, list_);
    return Verdicts(list_);
  }
  std::vector<std::string> LookAt(const std::string& rules) { return Look({Write(rules)}); }

  test::TempDir dir_;
  config::Config config_;
  CheckList list_{"cluster"};
};

TEST_F(EncryptionTest, AGoodFilePasses) {
  EXPECT_THAT(LookAt(Rule("secrets", kKms)), Each(StartsWith("pass")));
}

TEST_F(EncryptionTest, IdentityBeforeKmsFails) {
  EXPECT_THAT(LookAt(Rule("secrets", std::string("      - identity: {}\n") + kKms)),
              Contains("fail provider-order"));
}

TEST_F(EncryptionTest, AKeyFromTheFileBeforeKmsFailsAndIsNotShown) {
  const std::string local =
      "      - aescbc: {keys: [{name: a, secret: c2VjcmV0LXNlY3JldC1zZWNyZXQ=}]}\n";
  EXPECT_THAT(LookAt(Rule("secrets", local + kKms)), Contains("fail provider-order"));
  for (const Check& check : list_.checks()) {
    EXPECT_THAT(check.what + check.hint, Not(HasSubstr("c2Vjc")));
  }
}

TEST_F(EncryptionTest, IdentityAsReadProviderWarns) {
  EXPECT_THAT(LookAt(Rule("secrets", std::string(kKms) + "      - identity: {}\n")),
              AllOf(Contains("pass provider-order"), Contains("warn provider-identity")));
}

TEST_F(EncryptionTest, AVersionThatIsNotV2FailsAndSoDoesNone) {
  EXPECT_THAT(LookAt(Rule("secrets", Kms("apiVersion: v1, name: m, endpoint: "
                                         "\"unix:///run/mortise/prod/kms.sock\""))),
              Contains("fail provider-version"));
  EXPECT_THAT(
      LookAt(Rule("secrets", Kms("name: m, endpoint: \"unix:///run/mortise/prod/kms.sock\""))),
      Contains("fail provider-version"));
  EXPECT_THAT(LookAt(Rule("secrets", Kms("apiVersion: v2, name: m, cachesize: 10, endpoint: "
                                         "\"unix:///run/mortise/prod/kms.sock\""))),
              Contains("fail provider-version"));
}

TEST_F(EncryptionTest, AnEndpointThatIsNoKeyringsSocketFailsWhenNoneIs) {
  EXPECT_THAT(LookAt(Rule("secrets", Kms("apiVersion: v2, name: m, endpoint: "
                                         "\"unix:///run/other.sock\""))),
              AllOf(Contains("warn provider-endpoint"), Contains("fail provider-endpoint")));
  EXPECT_THAT(LookAt(Rule("secrets", Kms("apiVersion: v2, name: m, endpoint: "
                                         "/run/mortise/prod/kms.sock"))),
              Contains("fail provider-endpoint"));
  EXPECT_THAT(LookAt(Rule("secrets", std::string(kKms) + Kms("apiVersion: v2, name: m, endpoint: "
                                                             "\"unix:///run/other.sock\""))),
              AllOf(Contains("warn provider-endpoint"), Not(Contains("fail provider-endpoint"))));
}

TEST_F(EncryptionTest, ATimeoutThatLeavesNoTimeWarns) {
  EXPECT_THAT(LookAt(Rule("secrets", Kms("apiVersion: v2, name: m, timeout: 500ms, endpoint: "
                                         "\"unix:///run/mortise/prod/kms.sock\""))),
              Contains("warn provider-timeout"));
  EXPECT_THAT(FirstProblem(list_), HasSubstr("200ms"));
  EXPECT_THAT(LookAt(Rule("secrets", Kms("apiVersion: v2, name: m, timeout: 2m, endpoint: "
                                         "\"unix:///run/mortise/prod/kms.sock\""))),
              Contains("warn provider-timeout"));
}

TEST_F(EncryptionTest, AnAttemptHasHalfOfTheTimeOrTheOperationsLimit) {
  using namespace std::chrono_literals;
  EXPECT_EQ(AttemptWithin(3s, 2s), 1450ms);
  EXPECT_EQ(AttemptWithin(10s, 2s), 2s);
  EXPECT_EQ(AttemptWithin(50ms, 2s), 0ms);
}

TEST_F(EncryptionTest, TwoProvidersOfOneNameFailAndSoDoesANameWithAColon) {
  EXPECT_THAT(LookAt(Rule("secrets", kKms) + Rule("configmaps", kKms)),
              Contains("fail provider-name"));
  EXPECT_THAT(LookAt(Rule("secrets", Kms("apiVersion: v2, name: \"a:b\", endpoint: "
                                         "\"unix:///run/mortise/prod/kms.sock\""))),
              Contains("fail provider-name"));
}

TEST_F(EncryptionTest, LeasesAndEventsUnderAWildcardWarn) {
  EXPECT_THAT(LookAt(Rule("\"*.*\"", kKms)), Contains("warn resources-care"));
  EXPECT_THAT(FirstProblem(list_), HasSubstr("leases and events"));
  EXPECT_THAT(LookAt(Rule("secrets, \"*.coordination.k8s.io\"", kKms)),
              Contains("warn resources-care"));
  EXPECT_THAT(LookAt(Rule("\"*.\"", kKms)), Contains("warn resources-care"));
}

TEST_F(EncryptionTest, LeasesAndEventsThatAnEarlierRuleTakesOutPass) {
  EXPECT_THAT(LookAt(Rule("leases.coordination.k8s.io, events", "      - identity: {}\n") +
                     Rule("\"*.*\"", kKms)),
              Each(StartsWith("pass")));
}

TEST_F(EncryptionTest, SecretsThatNoRuleNamesWarn) {
  EXPECT_THAT(LookAt(Rule("configmaps", kKms)), Contains("warn resources"));
}

TEST_F(EncryptionTest, ANameThatAnEarlierRuleCoversFails) {
  const std::string identity = "      - identity: {}\n";
  EXPECT_THAT(LookAt(Rule("\"*.*\"", kKms) + Rule("configmaps", identity)),
              Contains("fail resources-masked"));
  EXPECT_THAT(LookAt(Rule("\"*.apps\"", kKms) + Rule("deployments.apps", identity)),
              Contains("fail resources-masked"));
  EXPECT_THAT(LookAt(Rule("configmaps", identity) + Rule("\"*.*\"", kKms)),
              Not(Contains(HasSubstr("resources-masked"))));
  EXPECT_THAT(LookAt(Rule("\"*.apps\"", identity) + Rule("secrets", kKms)),
              Not(Contains(HasSubstr("resources-masked"))));
}

TEST_F(EncryptionTest, NamesThatOverlapInOneListFailInEitherOrder) {
  for (const char* names :
       {"secrets, secrets", "secrets, \"*.*\"", "\"*.*\", secrets", "secrets, \"*.\""}) {
    EXPECT_THAT(LookAt(Rule(names, kKms)), Contains("fail resources-masked")) << names;
  }
  EXPECT_THAT(LookAt(Rule("secrets, configmaps, \"*.apps\"", kKms)),
              Not(Contains(HasSubstr("resources-masked"))));
}

TEST_F(EncryptionTest, OneNameInTwoRulesWarns) {
  EXPECT_THAT(LookAt(Rule("secrets", kKms) + Rule("secrets", "      - identity: {}\n")),
              Contains("warn resources-masked"));
}

TEST_F(EncryptionTest, NamesThatTheApiserverRefusesFail) {
  for (const char* name : {"Secrets", "\"*\"", "\"secrets.*\"", "events.events.k8s.io",
                           "\"*.events.k8s.io\"", "ingresses.extensions"}) {
    EXPECT_THAT(LookAt(Rule(name, kKms)), Contains("fail resources-name")) << name;
  }
}

TEST_F(EncryptionTest, AnAbstractSocketFails) {
  EXPECT_THAT(LookAt(Rule("secrets", Kms("apiVersion: v2, name: m, endpoint: \"unix:///@m\""))),
              Not(Contains("warn provider-endpoint")));
}

TEST_F(EncryptionTest, FilesThatSayTheSameInAnotherFormPassAndOthersFail) {
  const std::string a = Write(Rule("secrets", kKms), "a.yaml");
  const std::string b = Write("# the same\n" + Rule("\"secrets\"", kKms), "b.yaml");
  EXPECT_THAT(Look({a, b}), Contains("pass encryption-equal"));
  const std::string c =
      Write(Rule("secrets", std::string(kKms) + "      - identity: {}\n"), "c.yaml");
  EXPECT_THAT(Look({a, b, c}), Contains("fail encryption-equal"));
}

TEST_F(EncryptionTest, AFileThatOthersMayWriteFailsAndOneTheyMayReadWarns) {
  EXPECT_THAT(Look({Write(Rule("secrets", kKms), "a.yaml", 0666)}),
              Contains("fail encryption-permissions"));
  EXPECT_THAT(Look({Write(Rule("secrets", kKms), "b.yaml", 0644)}),
              Contains("warn encryption-permissions"));
  const std::string local = "      - secretbox: {keys: [{name: a, secret: AAAA}]}\n";
  EXPECT_THAT(Look({Write(Rule("secrets", kKms + local), "c.yaml", 0644)}),
              Contains("fail encryption-permissions"));
}

TEST_F(EncryptionTest, EveryMistakeOfFormIsToldAndNoneCrashes) {
  EXPECT_THAT(Look({dir_ / "none.yaml"}), Contains("fail encryption-config"));
  for (const char* rules :
       {"", "  - {}\n", "  - resources: secrets\n    providers: []\n", "  - 7\n",
        "  - resources: [[]]\n    providers: [{}]\n",
        "  - resources: [secrets]\n    providers: [{kms: null}]\n",
        "  - resources: [secrets]\n    providers: [{kmz: {}}]\n",
        "  - resources: [secrets]\n    providers: [{kms: {apiVersion: v2}}]\n",
        "  - resources: [secrets]\n    providers: [{kms: {apiVersion: v2, name: a, endpoint: "
        "\"unix:///a\", timeout: 0s}}]\n",
        "  - resources: [secrets]\n    providers: [{identity: {}, kms: {}}]\n", "  - &a {}\n",
        "}"}) {
    EXPECT_THAT(LookAt(rules), Contains("fail encryption-config")) << rules;
  }
  std::ofstream(dir_ / "other.yaml") << "apiVersion: v1\nkind: Pod\n";
  Look({dir_ / "other.yaml"});
  EXPECT_GE(std::ranges::count(Verdicts(list_), "fail encryption-config"), 3);
}

}  // namespace
}  // namespace mortise::doctor
