// SPDX-License-Identifier: Apache-2.0
#include "metrics/process_collector.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "base/clock.h"

namespace mortise::metrics {
namespace {

double Value(const std::string& name) {
  for (const prometheus::MetricFamily& family : ProcessCollector().Collect()) {
    if (family.name == name) return family.metric.at(0).gauge.value;
  }
  return -1;
}

TEST(ProcessCollectorTest, KnowsTheProcess) {
  EXPECT_GT(Value("process_resident_memory_bytes"), 1 << 20);
  EXPECT_GT(Value("process_cpu_seconds_total"), 0);
  EXPECT_NEAR(Value("process_start_time_seconds"),
              static_cast<double>(WallNow().time_since_epoch().count()), 120);
  EXPECT_GT(Value("process_max_fds"), 3);
}

TEST(ProcessCollectorTest, CountsDescriptors) {
  const double before = Value("process_open_fds");
  const int one_more = dup(0);
  EXPECT_EQ(Value("process_open_fds"), before + 1);
  close(one_more);
}

TEST(ProcessCollectorTest, CountsDescriptorsOfAProcessThatIsNotDumpableAndNotRoot) {
  const pid_t child = fork();
  if (child == 0) {
    if (getuid() == 0 && setresuid(65534, 65534, 65534) != 0) _exit(2);
    prctl(PR_SET_DUMPABLE, 0);
    _exit(Value("process_open_fds") >= 1 ? EXIT_SUCCESS : EXIT_FAILURE);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace mortise::metrics
