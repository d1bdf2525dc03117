// SPDX-License-Identifier: Apache-2.0
#include "server/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mortise::server {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::HasSubstr;

class HealthTest : public testing::Test {
 protected:
  HealthTest() {
    status.active_key_id = "k1";
    status.last_proof = start;
  }
  HealthAnswer After(Clock::duration age) const {
    return JudgeHealth(status, settings, start + age);
  }

  const Clock::time_point start = Clock::now();
  hsm::KeyringStatus status;
  config::Keyring settings;  // bridge, 30 s, 1 h
};

TEST_F(HealthTest, IsOkWhileTheProofIsFresh) {
  EXPECT_EQ(After(seconds(0)), (HealthAnswer{true, "ok", "k1"}));
  EXPECT_EQ(After(seconds(30)), (HealthAnswer{true, "ok", "k1"}));
}

TEST_F(HealthTest, BridgesWithTheAgeOfTheProofInItsText) {
  const HealthAnswer answer = After(seconds(90));
  EXPECT_TRUE(answer.is_available);
  EXPECT_EQ(answer.key_id, "k1");
  EXPECT_THAT(answer.healthz, HasSubstr("for 90 s"));
  EXPECT_THAT(answer.healthz, HasSubstr("3540 s more"));
}

TEST_F(HealthTest, BridgesNoLongerThanTheLimit) {
  EXPECT_TRUE(After(hours(1) + seconds(30)).is_available);
  EXPECT_FALSE(After(hours(1) + seconds(31)).is_available);
}

TEST_F(HealthTest, IsUnavailableAtOnceUnderStrict) {
  settings.status_policy = config::StatusPolicy::kStrict;
  EXPECT_TRUE(After(seconds(30)).is_available);
  const HealthAnswer answer = After(seconds(31));
  EXPECT_FALSE(answer.is_available);
  EXPECT_EQ(answer.key_id, "");
  EXPECT_THAT(answer.healthz, HasSubstr("for 31 s"));
}

TEST_F(HealthTest, IsUnavailableForAKeyThatIsMissingForeignOrQuarantinedUnderEitherPolicy) {
  for (const auto policy : {config::StatusPolicy::kBridge, config::StatusPolicy::kStrict}) {
    settings.status_policy = policy;
    for (const Reason reason :
         {Reason::kKeyMissing, Reason::kKeyForeign, Reason::kKeyQuarantined}) {
      status.fatal = Error(reason, "slot 3, serial 42");
      const HealthAnswer answer = After(seconds(0));
      EXPECT_FALSE(answer.is_available);
      EXPECT_THAT(answer.healthz, HasSubstr(std::string(Name(reason))));
      EXPECT_THAT(answer.healthz, testing::Not(HasSubstr("42")));
    }
  }
}

TEST_F(HealthTest, SaysWhatItWaitsForBeforeTheFirstProof) {
  status.last_proof.reset();
  status.waiting_for = "token hsm-a\n";
  const HealthAnswer answer = After(seconds(0));
  EXPECT_FALSE(answer.is_available);
  EXPECT_THAT(answer.healthz, HasSubstr("waiting for token hsm-a"));
  EXPECT_THAT(answer.healthz, testing::Not(HasSubstr("\n")));
}

TEST_F(HealthTest, IsUnavailableWithoutAnActiveKey) {
  status.active_key_id.clear();
  EXPECT_FALSE(After(seconds(0)).is_available);
}

}  // namespace
}  // namespace mortise::server
