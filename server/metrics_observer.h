// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "metrics/metrics.h"
#include "server/request_observer.h"

namespace mortise::server {

// Passes calls and connections on to the metrics, which know no gRPC.
class MetricsObserver final : public RequestObserver {
 public:
  explicit MetricsObserver(metrics::Metrics& metrics) : metrics_(metrics) {}

  // For metrics::LabelSets.
  static std::vector<std::string> Codes();
  static std::vector<std::string> Rejections();

  void OnRequestStart(std::string_view keyring, Method method) override;
  void OnRequest(const RequestResult& result) override;
  void OnConnectionOpened(std::string_view keyring) override;
  void OnConnectionClosed(std::string_view keyring) override;
  void OnRejection(std::string_view keyring, Rejection rejection) override;

 private:
  metrics::Metrics& metrics_;
};

}  // namespace mortise::server
