// SPDX-License-Identifier: Apache-2.0
#include "server/metrics_observer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

namespace mortise::server {
namespace {

using testing::HasSubstr;

TEST(MetricsObserverTest, PassesOnWhatTheServerSees) {
  metrics::Metrics metrics({.tokens = {"hsm-a"},
                            .keyrings = {"prod"},
                            .codes = MetricsObserver::Codes(),
                            .peer_rejections = MetricsObserver::Rejections()});
  MetricsObserver observer(metrics);
  RequestResult result;
  result.keyring = "prod";
  result.method = Method::kDecrypt;
  result.code_number = 5;
  observer.OnRequestStart("prod", Method::kDecrypt);
  observer.OnRequest(result);
  observer.OnConnectionOpened("prod");
  observer.OnRejection("prod", Rejection::kSilent);
  const std::string text = prometheus::TextSerializer().Serialize(metrics.Collect());
  EXPECT_THAT(text, HasSubstr("code=\"NOT_FOUND\""));
  EXPECT_THAT(text, testing::ContainsRegex("mortise_connections[{][^\n]*prod[^\n]*[}] 1"));
  EXPECT_THAT(text, testing::ContainsRegex("rejections_total[{][^\n]*silent[^\n]*[}] 1"));
}

}  // namespace
}  // namespace mortise::server
