// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <prometheus/registry.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hsm/observer.h"
#include "metrics/recent_problems.h"

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace mortise::metrics {

enum class Method : std::uint8_t { kStatus, kEncrypt, kDecrypt };
inline constexpr std::size_t kMethodCount = 3;
std::string_view Name(Method method);  // "Status", "Encrypt", "Decrypt"

// The closed sets that label values come from.
struct LabelSets {
  std::vector<std::string> tokens;
  std::vector<std::string> keyrings;
  // The position is the number that OnRequest is given. An empty name has no series
  // of its own: its requests count under "other", as do numbers beyond the end.
  std::vector<std::string> codes;
  std::vector<std::string> peer_rejections;  // what OnPeerRejected is given; else "other"
};

// Counts what happens: requests, operations of the tokens, worker starts. Every series
// is made at construction, so counting neither allocates nor looks up a label; it costs
// a scan over the few configured names and prometheus-cpp's own lock of one histogram.
// Thread-safe. A name outside the label sets is counted nowhere.
class Metrics final : public hsm::Observer {
 public:
  explicit Metrics(const LabelSets& labels);
  ~Metrics() override;

  void OnOperation(const hsm::OperationResult& result) override;
  void OnWorkerStart(std::string_view token, hsm::StartReason reason) override;
  void OnEvent(const hsm::Event& event) override;

  // Each OnRequestStart is followed by exactly one OnRequest.
  void OnRequestStart(std::string_view keyring, Method method);
  void OnRequest(std::string_view keyring, Method method, std::size_t code,
                 std::chrono::nanoseconds duration);
  void OnConnectionOpened(std::string_view keyring);
  void OnConnectionClosed(std::string_view keyring);
  void OnPeerRejected(std::string_view keyring, std::string_view reason);

  std::vector<prometheus::MetricFamily> Collect() const { return registry_.Collect(); }
  const RecentProblems& problems() const { return problems_; }
  const std::vector<std::string>& tokens() const { return token_names_; }

 private:
  enum Result : std::size_t { kOk, kError, kTimeout, kResultCount };
  struct TokenSeries;
  struct KeyringSeries;

  void AddToken(const std::string& name);
  void AddKeyring(const std::string& name, const LabelSets& labels);
  TokenSeries* FindToken(std::string_view name);
  KeyringSeries* FindKeyring(std::string_view name);

  prometheus::Registry registry_;
  RecentProblems problems_;
  std::vector<std::string> token_names_;
  std::vector<std::string> keyring_names_;
  std::vector<std::string> rejection_names_;
  std::vector<TokenSeries> tokens_;      // in step with token_names_
  std::vector<KeyringSeries> keyrings_;  // in step with keyring_names_
};

}  // namespace mortise::metrics
