// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <vector>

namespace mortise::metrics {

// The process_* series that every Prometheus client exports, of the front process
// alone. Needs nothing that a process which is not dumpable lacks. Thread-safe.
class ProcessCollector final : public prometheus::Collectable {
 public:
  ProcessCollector();

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  double start_time_;  // seconds since the epoch
};

}  // namespace mortise::metrics
