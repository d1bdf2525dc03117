// SPDX-License-Identifier: Apache-2.0
#include "metrics/status_collector.h"

#include <algorithm>
#include <utility>

#include "base/digest.h"
#include "metrics/sample.h"

namespace mortise::metrics {
namespace {

using Snapshot = std::shared_ptr<const hsm::KeyringStatus>;

double Timestamp(Clock::time_point instant) {
  const auto age = Clock::now() - instant;
  const auto then = std::chrono::system_clock::now() - age;
  const auto rounded = std::chrono::round<std::chrono::milliseconds>(then.time_since_epoch());
  return static_cast<double>(rounded.count()) / 1000;
}

struct KeyFamilies {
  prometheus::MetricFamily info = EmptyGauge(kKeyInfo);
  prometheus::MetricFamily wraps = EmptyCounter(kKeyWraps);
  prometheus::MetricFamily limit = EmptyGauge(kKeyWrapLimit);
  prometheus::MetricFamily activation = EmptyGauge(kKeyActivation);
  prometheus::MetricFamily last_proof = EmptyGauge(kLastProof);

  void Add(const std::string& keyring, const hsm::GenerationStatus& generation) {
    const Labels key = {{"keyring", keyring}, {"key_id_hash", KeyIdHash(generation.key_id)}};
    Labels everything = key;
    everything.push_back({"generation", std::to_string(generation.generation)});
    everything.push_back({"scheme", generation.scheme});
    everything.push_back({"state", std::string(hsm::Name(generation.state))});
    AddSample(info, std::move(everything), 1);
    AddSample(wraps, key, static_cast<double>(generation.wraps));
    AddSample(limit, key, static_cast<double>(generation.wrap_limit));
    AddSample(activation, key,
              static_cast<double>(generation.activation.time_since_epoch().count()));
  }
};

// Several keyrings may use one token: it is up when any of them finds it so, because
// what is wrong with one keyring's key there is that keyring's trouble.
hsm::TokenStatus Merged(const std::string& token, const std::vector<Snapshot>& snapshots) {
  hsm::TokenStatus merged;
  for (const Snapshot& snapshot : snapshots) {
    for (const hsm::TokenStatus& seen : snapshot->tokens) {
      if (seen.name != token) continue;
      merged.is_up = merged.is_up || seen.is_up;
      merged.sessions = std::max(merged.sessions, seen.sessions);
      merged.queue_length = std::max(merged.queue_length, seen.queue_length);
    }
  }
  return merged;
}

}  // namespace

std::string KeyIdHash(std::string_view key_id) {
  return "sha256:" + ToHex(Sha256::Of(AsBytes(key_id)));
}

StatusCollector::StatusCollector(std::vector<WatchedKeyring> keyrings,
                                 std::vector<std::string> tokens)
    : keyrings_(std::move(keyrings)), tokens_(std::move(tokens)) {}

std::vector<prometheus::MetricFamily> StatusCollector::Collect() const {
  std::vector<Snapshot> snapshots;
  KeyFamilies keys;
  bool is_ready = true;
  for (const WatchedKeyring& watched : keyrings_) {
    const std::string& name = watched.keyring->name();
    const Snapshot& status = snapshots.emplace_back(watched.keyring->Status());
    is_ready = is_ready && WhyNotReady(*status, watched.staleness, Clock::now()).empty();
    AddSample(keys.last_proof, {{"keyring", name}},
              status->last_proof ? Timestamp(*status->last_proof) : 0);
    for (const hsm::GenerationStatus& generation : status->generations) keys.Add(name, generation);
  }

  prometheus::MetricFamily up = EmptyGauge(kTokenUp);
  prometheus::MetricFamily sessions = EmptyGauge(kSessions);
  prometheus::MetricFamily queue_length = EmptyGauge(kQueueLength);
  for (const std::string& token : tokens_) {
    const hsm::TokenStatus status = Merged(token, snapshots);
    AddSample(up, {{"token", token}}, status.is_up ? 1 : 0);
    AddSample(sessions, {{"token", token}}, status.sessions);
    AddSample(queue_length, {{"token", token}}, static_cast<double>(status.queue_length));
  }

  prometheus::MetricFamily ready = EmptyGauge(kReady);
  AddSample(ready, {}, is_ready ? 1 : 0);
  return {std::move(up),
          std::move(sessions),
          std::move(queue_length),
          std::move(keys.info),
          std::move(keys.wraps),
          std::move(keys.limit),
          std::move(keys.activation),
          std::move(keys.last_proof),
          std::move(ready)};
}

}  // namespace mortise::metrics
