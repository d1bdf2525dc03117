// SPDX-License-Identifier: Apache-2.0
#include "metrics/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <algorithm>

#include "base/version.h"
#include "metrics/families.h"

namespace mortise::metrics {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr std::array kResultNames = {"ok", "error", "timeout"};
constexpr std::string_view kOther = "other";

prometheus::Histogram::BucketBoundaries Buckets() {
  return {kDurationBuckets.begin(), kDurationBuckets.end()};
}

// Register answers the family that is already there when it is asked again.
prometheus::Family<prometheus::Counter>& CounterFamily(prometheus::Registry& registry,
                                                       const FamilyName& family) {
  return prometheus::BuildCounter().Name(family.name).Help(family.help).Register(registry);
}
prometheus::Family<prometheus::Gauge>& GaugeFamily(prometheus::Registry& registry,
                                                   const FamilyName& family) {
  return prometheus::BuildGauge().Name(family.name).Help(family.help).Register(registry);
}
prometheus::Family<prometheus::Histogram>& HistogramFamily(prometheus::Registry& registry,
                                                           const FamilyName& family) {
  return prometheus::BuildHistogram().Name(family.name).Help(family.help).Register(registry);
}

std::size_t IndexOf(const std::vector<std::string>& names, std::string_view name) {
  return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

}  // namespace

std::string_view Name(Method method) {
  switch (method) {
    case Method::kStatus:
      return "Status";
    case Method::kEncrypt:
      return "Encrypt";
    case Method::kDecrypt:
      return "Decrypt";
  }
  return "Status";
}

struct Metrics::TokenSeries {
  using Results = std::array<prometheus::Histogram*, kResultCount>;
  using Reasons = std::array<prometheus::Counter*, kReasonCount>;

  std::array<Results, hsm::kOperationKindCount> durations;
  std::array<Reasons, hsm::kOperationKindCount> errors;
  std::array<prometheus::Counter*, hsm::kStartReasonCount> starts;
  prometheus::Histogram* queue_wait;
};

struct Metrics::KeyringSeries {
  struct Requests {
    std::vector<prometheus::Histogram*> by_code;  // the last one is "other"
    prometheus::Gauge* in_flight;
  };

  std::array<Requests, kMethodCount> requests;
  std::vector<prometheus::Counter*> rejections;  // the last one is "other"
  prometheus::Gauge* connections;
};

Metrics::Metrics(const LabelSets& labels)
    : token_names_(labels.tokens),
      keyring_names_(labels.keyrings),
      rejection_names_(labels.peer_rejections) {
  for (const std::string& name : token_names_) AddToken(name);
  for (const std::string& name : keyring_names_) AddKeyring(name, labels);
  GaugeFamily(registry_, kBuildInfo)
      .Add({{"version", std::string(Version())}, {"revision", std::string(Revision())}})
      .Set(1);
}

Metrics::~Metrics() = default;

void Metrics::AddToken(const std::string& name) {
  TokenSeries& series = tokens_.emplace_back();
  for (std::size_t kind = 0; kind < hsm::kOperationKindCount; ++kind) {
    const std::string operation{hsm::Name(static_cast<hsm::OperationKind>(kind))};
    for (std::size_t result = 0; result < kResultCount; ++result) {
      series.durations[kind][result] =
          &HistogramFamily(registry_, kOperationDuration)
               .Add({{"token", name}, {"operation", operation}, {"result", kResultNames[result]}},
                    Buckets());
    }
    for (std::size_t reason = 0; reason < kReasonCount; ++reason) {
      series.errors[kind][reason] =
          &CounterFamily(registry_, kOperationErrors)
               .Add({{"token", name},
                     {"operation", operation},
                     {"reason", std::string(mortise::Name(static_cast<Reason>(reason)))}});
    }
  }
  for (std::size_t reason = 0; reason < hsm::kStartReasonCount; ++reason) {
    series.starts[reason] =
        &CounterFamily(registry_, kWorkerStarts)
             .Add({{"token", name},
                   {"reason", std::string(hsm::Name(static_cast<hsm::StartReason>(reason)))}});
  }
  series.queue_wait = &HistogramFamily(registry_, kQueueWait).Add({{"token", name}}, Buckets());
}

void Metrics::AddKeyring(const std::string& name, const LabelSets& labels) {
  KeyringSeries& series = keyrings_.emplace_back();
  for (std::size_t i = 0; i < kMethodCount; ++i) {
    const std::string method{Name(static_cast<Method>(i))};
    const auto add = [&](std::string_view code) {
      return &HistogramFamily(registry_, kRequestDuration)
                  .Add({{"keyring", name}, {"method", method}, {"code", std::string(code)}},
                       Buckets());
    };
    KeyringSeries::Requests& requests = series.requests[i];
    prometheus::Histogram* other = add(kOther);
    for (const std::string& code : labels.codes) {
      requests.by_code.push_back(code.empty() ? other : add(code));
    }
    requests.by_code.push_back(other);
    requests.in_flight =
        &GaugeFamily(registry_, kRequestsInFlight).Add({{"keyring", name}, {"method", method}});
  }
  const auto add = [&](std::string_view reason) {
    return &CounterFamily(registry_, kPeerRejections)
                .Add({{"keyring", name}, {"reason", std::string(reason)}});
  };
  for (const std::string& reason : rejection_names_) series.rejections.push_back(add(reason));
  series.rejections.push_back(add(kOther));
  series.connections = &GaugeFamily(registry_, kConnections).Add({{"keyring", name}});
}

Metrics::TokenSeries* Metrics::FindToken(std::string_view name) {
  const std::size_t index = IndexOf(token_names_, name);
  return index < tokens_.size() ? &tokens_[index] : nullptr;
}

Metrics::KeyringSeries* Metrics::FindKeyring(std::string_view name) {
  const std::size_t index = IndexOf(keyring_names_, name);
  return index < keyrings_.size() ? &keyrings_[index] : nullptr;
}

void Metrics::OnOperation(const hsm::OperationResult& operation) {
  TokenSeries* series = FindToken(operation.token);
  if (series == nullptr) return;
  const auto kind = static_cast<std::size_t>(operation.kind);
  Result result = kOk;
  if (operation.failure) {
    result = *operation.failure == Reason::kTimeout ? kTimeout : kError;
    series->errors[kind][static_cast<std::size_t>(*operation.failure)]->Increment();
    problems_.Note(operation);
  }
  series->queue_wait->Observe(Seconds(operation.queue_wait).count());
  // What never reached the token (cancelled in the queue, no worker) has no token time;
  // as a zero it would make the token look fast.
  if (operation.token_time.count() > 0) {
    series->durations[kind][result]->Observe(Seconds(operation.token_time).count());
  }
}

void Metrics::OnWorkerStart(std::string_view token, hsm::StartReason reason) {
  if (TokenSeries* series = FindToken(token)) {
    series->starts[static_cast<std::size_t>(reason)]->Increment();
  }
}

void Metrics::OnEvent(const hsm::Event& event) {
  problems_.Note(event);
}

void Metrics::OnRequestStart(std::string_view keyring, Method method) {
  if (KeyringSeries* series = FindKeyring(keyring)) {
    series->requests[static_cast<std::size_t>(method)].in_flight->Increment();
  }
}

void Metrics::OnRequest(std::string_view keyring, Method method, std::size_t code,
                        std::chrono::nanoseconds duration) {
  KeyringSeries* series = FindKeyring(keyring);
  if (series == nullptr) return;
  KeyringSeries::Requests& requests = series->requests[static_cast<std::size_t>(method)];
  requests.in_flight->Decrement();
  requests.by_code[std::min(code, requests.by_code.size() - 1)]->Observe(Seconds(duration).count());
}

void Metrics::OnConnectionOpened(std::string_view keyring) {
  if (KeyringSeries* series = FindKeyring(keyring)) series->connections->Increment();
}

void Metrics::OnConnectionClosed(std::string_view keyring) {
  if (KeyringSeries* series = FindKeyring(keyring)) series->connections->Decrement();
}

void Metrics::OnPeerRejected(std::string_view keyring, std::string_view reason) {
  if (KeyringSeries* series = FindKeyring(keyring)) {
    series->rejections[IndexOf(rejection_names_, reason)]->Increment();
  }
}

}  // namespace mortise::metrics
