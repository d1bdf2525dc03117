// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <prometheus/metric_family.h>

#include <utility>
#include <vector>

#include "metrics/families.h"

namespace mortise::metrics {

using Labels = std::vector<prometheus::ClientMetric::Label>;

inline prometheus::MetricFamily EmptyFamily(const FamilyName& name, prometheus::MetricType type) {
  prometheus::MetricFamily family;
  family.name = name.name;
  family.help = name.help;
  family.type = type;
  return family;
}

inline prometheus::MetricFamily EmptyGauge(const FamilyName& name) {
  return EmptyFamily(name, prometheus::MetricType::Gauge);
}
inline prometheus::MetricFamily EmptyCounter(const FamilyName& name) {
  return EmptyFamily(name, prometheus::MetricType::Counter);
}

// Adds one sample to a family that is a gauge or a counter.
inline void AddSample(prometheus::MetricFamily& family, Labels labels, double value) {
  prometheus::ClientMetric& sample = family.metric.emplace_back();
  sample.label = std::move(labels);
  sample.gauge.value = value;
  sample.counter.value = value;
}

}  // namespace mortise::metrics
