// SPDX-License-Identifier: Apache-2.0
// What is exported, judged by others: Prometheus's own linter, and docs/metrics.md.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>

#include "test/unit/metrics/exposition.h"
#include "test/unit/metrics/pages_fixture.h"

namespace mortise::metrics {
namespace {

class ExpositionTest : public PagesFixture {};

TEST_F(ExpositionTest, PassesPrometheussOwnLinter) {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0) {
    GTEST_SKIP() << "promtool is not installed (Debian package: prometheus)";
  }
  FILE* promtool = popen("promtool check metrics 2>&1", "w");
  ASSERT_NE(promtool, nullptr);
  const std::string page = Exposition();
  fwrite(page.data(), 1, page.size(), promtool);
  EXPECT_EQ(WEXITSTATUS(pclose(promtool)), 0);
}

TEST_F(ExpositionTest, HasNoSeriesTwice) {
  std::set<std::pair<std::string, std::map<std::string, std::string>>> seen;
  for (const Sample& sample : Samples(Exposition())) {
    EXPECT_TRUE(seen.insert({sample.name, sample.labels}).second) << sample.name;
  }
}

// One row of the table in docs/metrics.md.
std::string Row(const prometheus::MetricFamily& family) {
  std::string labels;
  for (const auto& label : family.metric.at(0).label) {
    labels += (labels.empty() ? "`" : ", `") + label.name + "`";
  }
  const char* type = family.type == prometheus::MetricType::Counter     ? "counter"
                     : family.type == prometheus::MetricType::Histogram ? "histogram"
                                                                        : "gauge";
  return "| `" + family.name + "` | " + type + " | " + labels + " | " + family.help + " |";
}

TEST_F(ExpositionTest, IsWhatTheDocumentationSays) {
  std::set<std::string> documented;
  std::ifstream file(MORTISE_DOCS "/metrics.md");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("| `mortise_", 0) == 0 || line.rfind("| `process_", 0) == 0) {
      documented.insert(line);
    }
  }
  std::vector<prometheus::MetricFamily> families = metrics_.Collect();
  const StatusCollector status({{&keyring_, std::chrono::seconds(30)}}, {"hsm-a"});
  for (auto& family : status.Collect()) families.push_back(family);
  for (auto& family : ProcessCollector().Collect()) families.push_back(family);
  for (const prometheus::MetricFamily& family : families) {
    EXPECT_EQ(documented.erase(Row(family)), 1) << "docs/metrics.md lacks the row\n" << Row(family);
  }
  for (const std::string& row : documented) {
    ADD_FAILURE() << "docs/metrics.md has a row for what is not exported:\n" << row;
  }
}

}  // namespace
}  // namespace mortise::metrics
