// SPDX-License-Identifier: Apache-2.0
#include "test/support/running_keyring.h"

#include <algorithm>
#include <future>
#include <thread>

namespace mortise::test {
namespace {

template <typename T>
T Get(std::future<hsm::Outcome<T>> future) {
  hsm::Outcome<T> outcome = future.get();
  if (const Error* error = std::get_if<Error>(&outcome)) throw *error;
  return std::move(std::get<T>(outcome));
}

}  // namespace

void RecordingObserver::OnEvent(const hsm::Event& event) {
  const std::lock_guard lock(mutex_);
  events_.emplace_back(event.name);
}

void RecordingObserver::OnWorkerStart(std::string_view, hsm::StartReason reason) {
  const std::lock_guard lock(mutex_);
  starts_.push_back(reason);
}

int RecordingObserver::Count(std::string_view event) const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(std::ranges::count(events_, event));
}

int RecordingObserver::Starts(hsm::StartReason reason) const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(std::ranges::count(starts_, reason));
}

int RecordingObserver::Starts() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(starts_.size());
}

RunningKeyring::RunningKeyring(const TestToken& token, const Change& change) {
  config_.state_dir = folder_ / "state";
  config_.tokens.push_back(token.ToConfig());
  config::Keyring keyring;
  keyring.name = "prod";
  keyring.context = "cluster-a";
  keyring.max_wraps_per_second = 0;
  config_.keyrings.push_back(keyring);
  change(config_);
  Restart();
}

void RunningKeyring::Restart(const Change& change) {
  assembly_.reset();
  change(config_);
  assembly_.emplace(config_, MORTISE_WORKER, observer_);
}

bool RunningKeyring::WaitFor(const std::function<bool()>& condition,
                             std::chrono::milliseconds limit) {
  const Clock::time_point end = Clock::now() + limit;
  while (!condition()) {
    if (Clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

bool RunningKeyring::WaitUntilServing(std::chrono::seconds limit) {
  return WaitFor([this] { return !keyring().Status()->active_key_id.empty(); }, limit);
}

hsm::Wrapped RunningKeyring::Wrap(ByteView seed, std::chrono::milliseconds timeout) {
  auto promise = std::make_shared<std::promise<hsm::Outcome<hsm::Wrapped>>>();
  auto future = promise->get_future();
  keyring().Wrap(
      SecretBytes(seed), {.deadline = Clock::now() + timeout},
      [promise](hsm::Outcome<hsm::Wrapped> outcome) { promise->set_value(std::move(outcome)); });
  return Get(std::move(future));
}

SecretBytes RunningKeyring::Unwrap(std::string_view ciphertext, std::string_view key_id,
                                   std::chrono::milliseconds timeout) {
  auto promise = std::make_shared<std::promise<hsm::Outcome<SecretBytes>>>();
  auto future = promise->get_future();
  keyring().Unwrap(
      ciphertext, key_id, {.deadline = Clock::now() + timeout},
      [promise](hsm::Outcome<SecretBytes> outcome) { promise->set_value(std::move(outcome)); });
  return Get(std::move(future));
}

int RunningKeyring::worker_pid() {
  const std::vector<int> pids = assembly_->worker_pids();
  return pids.empty() ? 0 : pids.front();
}

}  // namespace mortise::test
