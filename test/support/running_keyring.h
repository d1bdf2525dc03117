// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "hsm/assembly.h"
#include "test/support/softhsm_token.h"

namespace mortise::test {

// Notes what hsm/ tells. Thread-safe.
class RecordingObserver final : public hsm::Observer {
 public:
  void OnEvent(const hsm::Event& event) override;
  void OnWorkerStart(std::string_view, hsm::StartReason reason) override;

  int Count(std::string_view event) const;
  int Starts(hsm::StartReason reason) const;
  int Starts() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> events_;
  std::vector<hsm::StartReason> starts_;
};

// A whole hsm::Assembly of one token and one keyring "prod" of "cluster-a", with real
// workers; and its calls, waited for.
class RunningKeyring {
 public:
  using Change = std::function<void(config::Config&)>;

  explicit RunningKeyring(
      const TestToken& token, const Change& change = [](config::Config&) {});
  // The same state folder, another life; the same configuration but for `change`.
  void Restart(const Change& change = [](config::Config&) {});

  bool WaitUntilServing(std::chrono::seconds limit = std::chrono::seconds(20));
  static bool WaitFor(const std::function<bool()>& condition, std::chrono::milliseconds limit);

  hsm::Wrapped Wrap(ByteView seed, std::chrono::milliseconds timeout = std::chrono::seconds(10));
  SecretBytes Unwrap(std::string_view ciphertext, std::string_view key_id,
                     std::chrono::milliseconds timeout = std::chrono::seconds(10));

  hsm::Keyring& keyring() { return *assembly_->keyrings().front(); }
  hsm::Assembly& assembly() { return *assembly_; }
  RecordingObserver& observer() { return observer_; }
  const std::string& state_dir() const { return config_.state_dir; }
  int worker_pid();  // of the first worker; 0: none

 private:
  TempDir folder_;
  config::Config config_;
  RecordingObserver observer_;
  std::optional<hsm::Assembly> assembly_;
};

}  // namespace mortise::test
