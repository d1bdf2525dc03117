// SPDX-License-Identifier: Apache-2.0
#include "metrics/pages.h"

#include <prometheus/text_serializer.h>
#include <unistd.h>

#include <iterator>
#include <utility>

#include "base/version.h"
#include "metrics/statusz.h"

namespace mortise::metrics {
namespace {

void Append(std::vector<prometheus::MetricFamily>& all,
            std::vector<prometheus::MetricFamily> more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

}  // namespace

Pages::Pages(PagesSource source)
    : source_(std::move(source)), status_(source_.keyrings, source_.metrics->tokens()) {}

HttpReply Pages::Metrics() const {
  std::vector<prometheus::MetricFamily> families = source_.metrics->Collect();
  Append(families, status_.Collect());
  Append(families, process_.Collect());
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
          .body = prometheus::TextSerializer().Serialize(families)};
}

HttpReply Pages::Livez() const {
  const std::string problem = source_.loop_problem ? source_.loop_problem() : "";
  if (problem.empty()) return {.body = "ok\n"};
  return {.status = 503, .body = problem + "\n"};
}

HttpReply Pages::Readyz() const {
  HttpReply reply;
  for (const WatchedKeyring& watched : source_.keyrings) {
    const auto status = watched.keyring->Status();
    const std::string problem = WhyNotReady(*status, watched.staleness, Clock::now());
    if (!problem.empty()) reply.status = 503;
    reply.body +=
        "keyring " + watched.keyring->name() + ": " + ReadinessLine(*status, problem) + "\n";
  }
  return reply;
}

HttpReply Pages::Statusz() const {
  StatuszFacts facts;
  facts.version = Version();
  facts.revision = Revision();
  facts.pid = getpid();
  facts.start = start_;
  facts.now = Clock::now();
  facts.wall_now = WallNow();
  facts.last_errors = source_.metrics->problems().Operations();
  facts.events = source_.metrics->problems().Events();
  for (const WatchedKeyring& watched : source_.keyrings) {
    facts.keyrings.push_back(
        {watched.keyring->name(), watched.staleness, watched.keyring->Status()});
  }
  return {.content_type = "application/json", .body = StatuszJson(facts)};
}

HttpRoutes Pages::Routes() const {
  return {{"/metrics", [this] { return Metrics(); }},
          {"/livez", [this] { return Livez(); }},
          {"/readyz", [this] { return Readyz(); }},
          {"/statusz", [this] { return Statusz(); }}};
}

}  // namespace mortise::metrics
