// SPDX-License-Identifier: Apache-2.0
#include "server/metrics_observer.h"

#include "server/status_map.h"

namespace mortise::server {
namespace {

metrics::Method ToMetrics(Method method) {
  switch (method) {
    case Method::kStatus:
      return metrics::Method::kStatus;
    case Method::kEncrypt:
      return metrics::Method::kEncrypt;
    case Method::kDecrypt:
      return metrics::Method::kDecrypt;
  }
  return metrics::Method::kStatus;
}

}  // namespace

// Every code that the service answers with; the others, which gRPC alone gives,
// never reach it, and so get no series.
std::vector<std::string> MetricsObserver::Codes() {
  std::vector<std::string> names{std::string(Name(grpc::StatusCode::OK))};
  const auto add = [&names](grpc::StatusCode code) {
    if (names.size() <= static_cast<std::size_t>(code)) names.resize(code + 1);
    names[code] = Name(code);
  };
  for (std::size_t i = 0; i < kReasonCount; ++i) add(ToStatus(static_cast<Reason>(i)).error_code());
  return names;
}

std::vector<std::string> MetricsObserver::Rejections() {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kRejectionCount; ++i) {
    names.emplace_back(Name(static_cast<Rejection>(i)));
  }
  return names;
}

void MetricsObserver::OnRequestStart(std::string_view keyring, Method method) {
  metrics_.OnRequestStart(keyring, ToMetrics(method));
}

void MetricsObserver::OnRequest(const RequestResult& result) {
  metrics_.OnRequest(result.keyring, ToMetrics(result.method), result.code_number, result.duration);
}

void MetricsObserver::OnConnectionOpened(std::string_view keyring) {
  metrics_.OnConnectionOpened(keyring);
}

void MetricsObserver::OnConnectionClosed(std::string_view keyring) {
  metrics_.OnConnectionClosed(keyring);
}

void MetricsObserver::OnRejection(std::string_view keyring, Rejection rejection) {
  metrics_.OnPeerRejected(keyring, Name(rejection));
}

}  // namespace mortise::server
