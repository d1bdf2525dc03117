// SPDX-License-Identifier: Apache-2.0
#include "cli/dev_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mortise::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const DevReport kReport{.socket = "/d/kms.sock",
                        .metrics_url = "http://127.0.0.1:41234/metrics",
                        .key_id = "dev.1.0123456789abcdef",
                        .front_pid = 10,
                        .worker_pids = {11, 12}};

TEST(DevReportTest, HasTheFieldsThatScriptsReadByName) {
  EXPECT_EQ(DevJson(kReport),
            "{\"socket\":\"/d/kms.sock\",\"metricsUrl\":\"http://127.0.0.1:41234/metrics\","
            "\"keyId\":\"dev.1.0123456789abcdef\",\"frontPid\":10,\"workerPids\":[11,12]}\n");
}

TEST(DevReportTest, TellsHowToProbeWhereTheMetricsAreAndWhatKubeApiserverReads) {
  const std::string text = NextSteps(kReport, "/d");
  EXPECT_THAT(text, HasSubstr("mortise probe --socket /d/kms.sock"));
  EXPECT_THAT(text, HasSubstr("curl http://127.0.0.1:41234/metrics"));
  EXPECT_THAT(text, HasSubstr("/d/encryption-config.yaml"));
}

TEST(DevReportTest, DoesNotSendAnybodyToMetricsThatAreOff) {
  DevReport report = kReport;
  report.metrics_url.clear();
  EXPECT_THAT(NextSteps(report, "/d"), Not(HasSubstr("curl")));
}

}  // namespace
}  // namespace mortise::cli
