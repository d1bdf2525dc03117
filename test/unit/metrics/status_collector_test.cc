// SPDX-License-Identifier: Apache-2.0
#include "metrics/status_collector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/unit/metrics/pages_fixture.h"

namespace mortise::metrics {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class StatusCollectorTest : public PagesFixture {};

TEST_F(StatusCollectorTest, ShowsEachKeyUnderTheHashThatTheApiserverUses) {
  const std::string hash = KeyIdHash(kTestKeyId);
  EXPECT_THAT(Exposition(), HasSubstr("mortise_key_info{keyring=\"prod\",key_id_hash=\"" + hash +
                                      "\",generation=\"1\",scheme=\"aes-gcm\",state=\"active\"} "
                                      "1\n"));
}

TEST(KeyIdHashTest, IsSha256InLowerCaseHexadecimalAfterAPrefix) {
  EXPECT_EQ(KeyIdHash("abc"),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_F(StatusCollectorTest, ShowsWrapsTheirLimitAndTheActivation) {
  const std::string key = "{keyring=\"prod\",key_id_hash=\"" + KeyIdHash(kTestKeyId) + "\"}";
  EXPECT_THAT(Exposition(),
              AllOf(HasSubstr("# TYPE mortise_key_wraps_total counter\n"),
                    HasSubstr("mortise_key_wraps_total" + key + " 7\n"),
                    HasSubstr("mortise_key_wrap_limit" + key + " 268435456\n"),
                    HasSubstr("mortise_key_activation_timestamp_seconds" + key + " 1769860800\n")));
}

TEST_F(StatusCollectorTest, FollowsKeysThatComeAndGo) {
  hsm::KeyringStatus status = FakeKeyring::Healthy();
  status.generations[0].state = hsm::GenerationState::kDecryptOnly;
  status.generations.push_back(status.generations[0]);
  status.generations[1].key_id = "prod.000002.fedcba9876543210";
  status.generations[1].state = hsm::GenerationState::kActive;
  keyring_.Set(status);
  EXPECT_THAT(Exposition(),
              AllOf(HasSubstr("state=\"decrypt_only\"} 1\n"), HasSubstr("state=\"active\"} 1\n")));
  status.generations.erase(status.generations.begin());
  keyring_.Set(status);
  EXPECT_THAT(Exposition(), Not(HasSubstr("state=\"decrypt_only\"")));
}

TEST_F(StatusCollectorTest, ShowsWhatATokenDoesNow) {
  EXPECT_THAT(Exposition(), AllOf(HasSubstr("mortise_hsm_up{token=\"hsm-a\"} 1\n"),
                                  HasSubstr("mortise_hsm_sessions{token=\"hsm-a\"} 4\n"),
                                  HasSubstr("mortise_hsm_queue_length{token=\"hsm-a\"} 3\n")));
}

TEST_F(StatusCollectorTest, ShowsATokenThatNoKeyringKnowsAsDown) {
  keyring_.Set({});
  EXPECT_THAT(Exposition(), AllOf(HasSubstr("mortise_hsm_up{token=\"hsm-a\"} 0\n"),
                                  HasSubstr("mortise_hsm_sessions{token=\"hsm-a\"} 0\n")));
}

TEST_F(StatusCollectorTest, ShowsATokenAsUpWhenAnyKeyringFindsItSo) {
  hsm::KeyringStatus status = FakeKeyring::Healthy();
  status.tokens[0].is_up = false;
  keyring_.Set(status);
  EXPECT_THAT(Exposition(), HasSubstr("mortise_hsm_up{token=\"hsm-a\"} 0\n"));
  status.tokens.push_back(FakeKeyring::Healthy().tokens[0]);
  keyring_.Set(status);
  EXPECT_THAT(Exposition(), HasSubstr("mortise_hsm_up{token=\"hsm-a\"} 1\n"));
}

TEST_F(StatusCollectorTest, IsReadyOnlyWithAFreshProof) {
  EXPECT_THAT(Exposition(), HasSubstr("mortise_ready 1\n"));
  hsm::KeyringStatus status = FakeKeyring::Healthy();
  status.last_proof = Clock::now() - std::chrono::seconds(31);
  keyring_.Set(status);
  EXPECT_THAT(Exposition(), HasSubstr("mortise_ready 0\n"));
}

TEST_F(StatusCollectorTest, DatesTheLastProofAndShowsZeroBeforeTheFirst) {
  const auto now = static_cast<double>(WallNow().time_since_epoch().count());
  for (const prometheus::MetricFamily& family :
       StatusCollector({{&keyring_, std::chrono::seconds(30)}}, {}).Collect()) {
    if (family.name != "mortise_last_proof_timestamp_seconds") continue;
    EXPECT_NEAR(family.metric.at(0).gauge.value, now, 60);
  }
  keyring_.Set({});
  EXPECT_THAT(Exposition(),
              HasSubstr("mortise_last_proof_timestamp_seconds{keyring=\"prod\"} 0\n"));
}

}  // namespace
}  // namespace mortise::metrics
