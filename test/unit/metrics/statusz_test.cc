// SPDX-License-Identifier: Apache-2.0
#include "metrics/statusz.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "metrics/status_collector.h"
#include "test/unit/metrics/fake_keyring.h"

namespace mortise::metrics {
namespace {

using nlohmann::json;
using testing::ElementsAre;

std::vector<std::string> Keys(const json& object) {
  std::vector<std::string> keys;
  for (const auto& item : object.items()) keys.push_back(item.key());
  return keys;
}

class StatuszTest : public testing::Test {
 protected:
  StatuszTest() {
    facts_.version = "1.2.3";
    facts_.pid = 42;
    facts_.now = Clock::now();
    facts_.start = facts_.now - std::chrono::milliseconds(1500);
    facts_.wall_now = ParseTime("2026-02-01T00:00:00Z");
    Show(FakeKeyring::Healthy());
  }

  void Show(hsm::KeyringStatus status) {
    facts_.keyrings = {{"prod", std::chrono::seconds(30),
                        std::make_shared<const hsm::KeyringStatus>(std::move(status))}};
  }

  json Page() const { return json::parse(StatuszJson(facts_)); }

  StatuszFacts facts_;
};

TEST_F(StatuszTest, KeepsItsNames) {
  const json page = Page();
  EXPECT_THAT(Keys(page),
              ElementsAre("events", "keyrings", "lastErrors", "pid", "ready", "revision",
                          "schemaVersion", "time", "uptimeSeconds", "version"));
  const json& keyring = page["keyrings"][0];
  EXPECT_THAT(Keys(keyring),
              ElementsAre("activeKeyId", "activeKeyIdHash", "contextTag", "fatal", "generations",
                          "lastProofAgeSeconds", "name", "problem", "ready", "stalenessSeconds",
                          "tokens", "waitingFor", "wrapRefusal"));
  EXPECT_THAT(Keys(keyring["generations"][0]),
              ElementsAre("activation", "generation", "keyId", "keyIdHash", "lastUnwrap", "problem",
                          "scheme", "state", "tokens", "wrapLimit", "wraps"));
  EXPECT_THAT(Keys(keyring["tokens"][0]),
              ElementsAre("assurance", "firmware", "lastProofAgeSeconds", "library", "manufacturer",
                          "model", "name", "problem", "problemReason", "queueLength", "serial",
                          "sessions", "up", "waived", "workerPids"));
}

TEST_F(StatuszTest, MarksWhatIsStatedOfATokenAndWhatItReports) {
  EXPECT_EQ(Page()["keyrings"][0]["tokens"][0]["assurance"], nullptr);
  hsm::KeyringStatus status = FakeKeyring::Healthy();
  status.tokens[0].firmware = "7.4";
  status.tokens[0].waived = {"CKA_LOCAL"};
  status.tokens[0].assurance = hsm::CompareAssurance(
      {.standard = "FIPS 140-3", .firmware = "7.3", .valid_until = "2025-12-31"}, "7.4",
      facts_.wall_now);
  Show(status);
  const json token = Page()["keyrings"][0]["tokens"][0];
  EXPECT_EQ(token["waived"], json({"CKA_LOCAL"}));
  EXPECT_EQ(token["assurance"]["stated"]["firmware"], "7.3");
  EXPECT_EQ(token["assurance"]["reported"]["firmware"], "7.4");
  EXPECT_EQ(token["assurance"]["firmwareMatches"], false);
  EXPECT_EQ(token["assurance"]["ended"], true);
}

TEST_F(StatuszTest, TellsOfTheProcess) {
  const json page = Page();
  EXPECT_EQ(page["schemaVersion"], 1);
  EXPECT_EQ(page["pid"], 42);
  EXPECT_EQ(page["uptimeSeconds"], 1.5);
  EXPECT_EQ(page["time"], "2026-02-01T00:00:00Z");
}

TEST_F(StatuszTest, TellsOfAHealthyKeyring) {
  const json keyring = Page()["keyrings"][0];
  EXPECT_EQ(keyring["ready"], true);
  EXPECT_EQ(keyring["problem"], "");
  EXPECT_EQ(keyring["activeKeyId"], kTestKeyId);
  EXPECT_EQ(keyring["activeKeyIdHash"], KeyIdHash(kTestKeyId));
  EXPECT_EQ(keyring["fatal"], nullptr);
  EXPECT_EQ(keyring["generations"][0]["state"], "active");
  EXPECT_EQ(keyring["tokens"][0]["workerPids"], json({4711}));
}

TEST_F(StatuszTest, HasNullWhereNothingIsKnownYet) {
  Show({});
  const json page = Page();
  EXPECT_EQ(page["ready"], false);
  EXPECT_EQ(page["keyrings"][0]["activeKeyId"], nullptr);
  EXPECT_EQ(page["keyrings"][0]["lastProofAgeSeconds"], nullptr);
}

TEST_F(StatuszTest, NamesAProblemThatNoTokenCanMend) {
  hsm::KeyringStatus status = FakeKeyring::Healthy();
  status.fatal = Error(Reason::kKeyForeign, "other material", 0x63);
  Show(status);
  const json fatal = Page()["keyrings"][0]["fatal"];
  EXPECT_EQ(fatal["reason"], "key_foreign");
  EXPECT_EQ(fatal["ckr"], "0x63");
}

TEST_F(StatuszTest, ListsTheLastErrorsAndEvents) {
  RecentProblems problems;
  problems.Note(hsm::OperationResult{.token = "hsm-a",
                                     .kind = hsm::OperationKind::kCanary,
                                     .failure = Reason::kTimeout,
                                     .ckr = 0x30});
  problems.Note(
      hsm::Event{hsm::Severity::kWarning, "worker_hung", "replaced", {{"token", "hsm-a"}}});
  problems.Note(hsm::Event{hsm::Severity::kInfo, "key_accepted", "fine", {}});
  facts_.last_errors = problems.Operations();
  facts_.events = problems.Events();
  const json page = Page();
  ASSERT_EQ(page["lastErrors"].size(), 1);
  EXPECT_EQ(page["lastErrors"][0]["reason"], "timeout");
  EXPECT_EQ(page["lastErrors"][0]["operation"], "canary");
  ASSERT_EQ(page["events"].size(), 1);
  EXPECT_EQ(page["events"][0]["event"], "worker_hung");
  EXPECT_EQ(page["events"][0]["fields"]["token"], "hsm-a");
}

TEST_F(StatuszTest, IsValidJsonEvenWhenATokenNamesItselfInBytesThatAreNotUtf8) {
  hsm::KeyringStatus status = FakeKeyring::Healthy();
  status.tokens[0].model = "\xff\xfe";
  Show(status);
  EXPECT_NO_THROW(Page());
}

TEST(RecentProblemsTest, KeepsTheNewestEventsAndOneFailureAToken) {
  RecentProblems problems;
  for (int i = 0; i < 30; ++i) {
    problems.Note(hsm::Event{hsm::Severity::kError, "e", std::to_string(i), {}});
    problems.Note(hsm::OperationResult{
        .token = "hsm-a", .kind = hsm::OperationKind::kWrap, .failure = Reason::kBusy});
  }
  ASSERT_EQ(problems.Events().size(), RecentProblems::kEvents);
  EXPECT_EQ(problems.Events().back().message, "29");
  EXPECT_EQ(problems.Operations().size(), 1);
}

}  // namespace
}  // namespace mortise::metrics
