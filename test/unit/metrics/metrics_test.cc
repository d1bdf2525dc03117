// SPDX-License-Identifier: Apache-2.0
#include "metrics/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "metrics/families.h"
#include "test/unit/metrics/exposition.h"
#include "test/unit/metrics/pages_fixture.h"

namespace mortise::metrics {
namespace {

using std::chrono::microseconds;

class MetricsTest : public PagesFixture {
 protected:
  void Operate(std::optional<Reason> failure, std::chrono::nanoseconds token_time) {
    metrics_.OnOperation({.token = "hsm-a",
                          .kind = hsm::OperationKind::kUnwrap,
                          .failure = failure,
                          .ckr = 0,
                          .queue_wait = microseconds(60),
                          .token_time = token_time});
  }
  void Request(const char* keyring, Method method, std::size_t code) {
    metrics_.OnRequestStart(keyring, method);
    metrics_.OnRequest(keyring, method, code, microseconds(200));
  }

  double Requests(const char* method, const char* code) {
    return Value(Exposition(), "mortise_request_duration_seconds_count",
                 {{"keyring", "prod"}, {"method", method}, {"code", code}});
  }
  double Operations(const char* result) {
    return Value(Exposition(), "mortise_hsm_operation_duration_seconds_count",
                 {{"token", "hsm-a"}, {"operation", "unwrap"}, {"result", result}});
  }
  double InFlight(const char* method) {
    return Value(Exposition(), "mortise_requests_in_flight",
                 {{"keyring", "prod"}, {"method", method}});
  }
  double Rejections(const char* reason) {
    return Value(Exposition(), "mortise_peer_rejections_total",
                 {{"keyring", "prod"}, {"reason", reason}});
  }
};

TEST_F(MetricsTest, CountsARequestUnderItsKeyringMethodAndCode) {
  Request("prod", Method::kDecrypt, 3);
  EXPECT_EQ(Requests("Decrypt", "INVALID_ARGUMENT"), 1);
  EXPECT_EQ(Requests("Decrypt", "OK"), 0);
  EXPECT_EQ(Requests("Encrypt", "INVALID_ARGUMENT"), 0);
}

TEST_F(MetricsTest, CountsACodeWithoutANameAsOther) {
  Request("prod", Method::kStatus, 1);
  Request("prod", Method::kStatus, 99);
  EXPECT_EQ(Requests("Status", "other"), 2);
  EXPECT_TRUE(std::isnan(Requests("Status", "")));
}

TEST_F(MetricsTest, KnowsHowManyRequestsThereAreNow) {
  metrics_.OnRequestStart("prod", Method::kEncrypt);
  EXPECT_EQ(InFlight("Encrypt"), 1);
  metrics_.OnRequest("prod", Method::kEncrypt, 0, microseconds(200));
  EXPECT_EQ(InFlight("Encrypt"), 0);
}

TEST_F(MetricsTest, KnowsHowManyConnectionsThereAreNow) {
  metrics_.OnConnectionOpened("prod");
  metrics_.OnConnectionOpened("prod");
  metrics_.OnConnectionClosed("prod");
  EXPECT_EQ(Value(Exposition(), "mortise_connections", {{"keyring", "prod"}}), 1);
}

TEST_F(MetricsTest, CountsARejectedPeerByReasonAndAnUnknownReasonAsOther) {
  metrics_.OnPeerRejected("prod", "uid");
  metrics_.OnPeerRejected("prod", "something else");
  EXPECT_EQ(Rejections("uid"), 1);
  EXPECT_EQ(Rejections("limit"), 0);
  EXPECT_EQ(Rejections("other"), 1);
}

TEST_F(MetricsTest, TellsATimeoutFromAnErrorAndFromSuccess) {
  Operate({}, microseconds(20));
  Operate({}, microseconds(20));
  Operate(Reason::kTimeout, std::chrono::seconds(2));
  Operate(Reason::kCiphertextRefused, microseconds(20));
  EXPECT_EQ(Operations("ok"), 2);
  EXPECT_EQ(Operations("timeout"), 1);
  EXPECT_EQ(Operations("error"), 1);
}

TEST_F(MetricsTest, CountsEachFailureByReason) {
  Operate(Reason::kCiphertextRefused, microseconds(20));
  EXPECT_EQ(Value(Exposition(), "mortise_hsm_errors_total",
                  {{"token", "hsm-a"}, {"operation", "unwrap"}, {"reason", "ciphertext_refused"}}),
            1);
}

TEST_F(MetricsTest, DoesNotTimeWhatNeverReachedTheToken) {
  Operate(Reason::kCancelled, {});
  EXPECT_EQ(Operations("error"), 0);
  EXPECT_EQ(Value(Exposition(), "mortise_hsm_queue_wait_seconds_count"), 1);
}

TEST_F(MetricsTest, TimesInSeconds) {
  Operate({}, std::chrono::milliseconds(1500));
  EXPECT_DOUBLE_EQ(Value(Exposition(), "mortise_hsm_operation_duration_seconds_sum",
                         {{"operation", "unwrap"}, {"result", "ok"}}),
                   1.5);
}

TEST_F(MetricsTest, CountsWorkerStartsByReason) {
  metrics_.OnWorkerStart("hsm-a", hsm::StartReason::kHung);
  EXPECT_EQ(
      Value(Exposition(), "mortise_worker_starts_total", {{"token", "hsm-a"}, {"reason", "hung"}}),
      1);
}

TEST_F(MetricsTest, HasEverySeriesFromTheStartSoThatAFirstFailureShowsAsARate) {
  const std::string page = Exposition();
  for (std::size_t reason = 0; reason < kReasonCount; ++reason) {
    const std::string name{Name(static_cast<Reason>(reason))};
    EXPECT_EQ(Value(page, "mortise_hsm_errors_total", {{"operation", "wrap"}, {"reason", name}}), 0)
        << name;
  }
  EXPECT_EQ(Requests("Encrypt", "OK"), 0);
  EXPECT_EQ(Rejections("uid"), 0);
}

TEST_F(MetricsTest, IgnoresNamesThatAreNotConfigured) {
  metrics_.OnWorkerStart("stranger", hsm::StartReason::kFirst);
  metrics_.OnPeerRejected("stranger", "uid");
  Request("stranger", Method::kStatus, 0);
  EXPECT_EQ(Exposition().find("stranger"), std::string::npos);
}

TEST_F(MetricsTest, HasABucketAtTheApiserversLimitOfThreeSeconds) {
  for (const char* bound : {"5e-05", "0.0001", "0.0005", "1", "3", "10", "+Inf"}) {
    EXPECT_EQ(Value(Exposition(), "mortise_request_duration_seconds_bucket",
                    {{"method", "Decrypt"}, {"code", "OK"}, {"le", bound}}),
              0)
        << bound;
  }
}

TEST_F(MetricsTest, LosesNothingWhenManyThreadsCount) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] {
      for (int n = 0; n < 1000; ++n) {
        Request("prod", Method::kDecrypt, 0);
        Operate({}, microseconds(20));
      }
    });
  }
  threads.clear();
  EXPECT_EQ(Requests("Decrypt", "OK"), 4000);
  EXPECT_EQ(Operations("ok"), 4000);
  EXPECT_EQ(InFlight("Decrypt"), 0);
}

}  // namespace
}  // namespace mortise::metrics
