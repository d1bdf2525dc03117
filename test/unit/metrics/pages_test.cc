// SPDX-License-Identifier: Apache-2.0
#include "metrics/pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/version.h"
#include "test/unit/metrics/exposition.h"
#include "test/unit/metrics/pages_fixture.h"

namespace mortise::metrics {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class PagesTest : public PagesFixture {
 protected:
  // The text of /readyz, which must say that this status is not ready.
  std::string WhyNot(hsm::KeyringStatus status) {
    keyring_.Set(std::move(status));
    const HttpReply reply = pages_.Readyz();
    EXPECT_EQ(reply.status, 503);
    return reply.body;
  }
};

TEST_F(PagesTest, ReadyzIsReadyWithAFreshProof) {
  EXPECT_EQ(pages_.Readyz().status, 200);
  EXPECT_EQ(pages_.Readyz().body, "keyring prod: ready\n");
}

TEST_F(PagesTest, ReadyzSaysWhatItWaitsForBeforeTheFirstProof) {
  hsm::KeyringStatus status;
  status.waiting_for = "a worker of hsm-a";
  EXPECT_THAT(WhyNot(status), HasSubstr("keyring prod: no active key has been proved yet; waiting "
                                        "for a worker of hsm-a"));
}

TEST_F(PagesTest, ReadyzSaysHowOldTheProofIsAndWhatAilsTheToken) {
  hsm::KeyringStatus status = FakeKeyring::Healthy();
  status.last_proof = Clock::now() - std::chrono::seconds(45);
  status.tokens[0].is_up = false;
  status.tokens[0].problem = "C_OpenSession: device removed";
  EXPECT_THAT(WhyNot(status), AllOf(HasSubstr("45 s ago"), HasSubstr("statusStaleness (30 s)"),
                                    HasSubstr("token hsm-a is down: C_OpenSession")));
}

TEST_F(PagesTest, ReadyzSaysWhatNoTokenCanMend) {
  hsm::KeyringStatus status = FakeKeyring::Healthy();
  status.fatal = Error(Reason::kKeyMissing, "the active KEK is gone; restore it");
  EXPECT_THAT(WhyNot(status), HasSubstr("the active KEK is gone; restore it"));
}

TEST_F(PagesTest, ReadyzIsReadyWhileNothingIsWrappedButSaysSo) {
  hsm::KeyringStatus status = FakeKeyring::Healthy();
  status.wrap_refusal =
      Error(Reason::kStateUnusable, "nothing is wrapped: /state: Read-only file system");
  keyring_.Set(status);
  EXPECT_EQ(pages_.Readyz().status, 200);
  EXPECT_EQ(pages_.Readyz().body,
            "keyring prod: ready, but nothing is wrapped: /state: Read-only file system\n");
}

TEST_F(PagesTest, LivezDoesNotCareForTokens) {
  keyring_.Set({});
  EXPECT_EQ(pages_.Livez().status, 200);
  loop_problem_ = "the timer thread has not run for 30 s";
  EXPECT_EQ(pages_.Livez().status, 503);
  EXPECT_THAT(pages_.Livez().body, HasSubstr("timer thread"));
}

TEST_F(PagesTest, MetricsIsInTheTextFormatOfPrometheus) {
  EXPECT_EQ(pages_.Metrics().content_type, "text/plain; version=0.0.4; charset=utf-8");
  const std::string page = Exposition();
  EXPECT_EQ(Value(page, "mortise_build_info", {{"version", std::string(Version())}}), 1);
  EXPECT_GT(Value(page, "process_resident_memory_bytes"), 0);
}

}  // namespace
}  // namespace mortise::metrics
