// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "metrics/http_endpoint.h"
#include "metrics/metrics.h"
#include "metrics/process_collector.h"
#include "metrics/readiness.h"
#include "metrics/status_collector.h"

namespace mortise::metrics {

// What the pages show; all that it points to outlives the Pages.
struct PagesSource {
  const Metrics* metrics = nullptr;
  std::vector<WatchedKeyring> keyrings;
  // What ails the front's own loops; empty: nothing. Never about a token, because
  // restarting the front mends no token.
  std::function<std::string()> loop_problem = nullptr;
};

// /metrics, /livez, /readyz and /statusz. Thread-safe, and never waits for a token.
class Pages {
 public:
  explicit Pages(PagesSource source);

  HttpReply Metrics() const;
  HttpReply Livez() const;
  HttpReply Readyz() const;
  HttpReply Statusz() const;

  HttpRoutes Routes() const;  // refers to this

 private:
  PagesSource source_;
  Clock::time_point start_ = Clock::now();
  StatusCollector status_;
  ProcessCollector process_;
};

}  // namespace mortise::metrics
