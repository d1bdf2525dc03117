// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <string>
#include <string_view>
#include <vector>

#include "metrics/readiness.h"

namespace mortise::metrics {

// "sha256:<hex>" of a key_id, as kube-apiserver labels its own series.
std::string KeyIdHash(std::string_view key_id);

// Series of tokens and keys, made anew at each scrape from what the keyrings know, so
// that keys come and go without a registry. Thread-safe.
class StatusCollector final : public prometheus::Collectable {
 public:
  // A token that no keyring uses is reported as down.
  StatusCollector(std::vector<WatchedKeyring> keyrings, std::vector<std::string> tokens);

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  std::vector<WatchedKeyring> keyrings_;
  std::vector<std::string> tokens_;
};

}  // namespace mortise::metrics
