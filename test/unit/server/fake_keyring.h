// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hsm/keyring.h"

namespace mortise::test {

// A keyring without tokens: "wraps" by turning the bytes round, answers at once or,
// when told to hold, not before Release.
class FakeKeyring final : public hsm::Keyring {
 public:
  FakeKeyring() {
    hsm::KeyringStatus status;
    status.active_key_id = "fake.1";
    status.last_proof = Clock::now();
    SetStatus(std::move(status));
  }

  void Wrap(SecretBytes seed, hsm::Call call, hsm::Done<hsm::Wrapped> done) override {
    const ByteView bytes = seed.view();
    std::string turned(bytes.rbegin(), bytes.rend());
    Submit(std::move(call), [done = std::move(done), turned](std::optional<Error> error) {
      if (error) return done(*error);
      done(hsm::Wrapped{turned, "fake.1"});
    });
  }

  void Unwrap(std::string_view ciphertext, std::string_view key_id, hsm::Call call,
              hsm::Done<SecretBytes> done) override {
    std::string turned(ciphertext.rbegin(), ciphertext.rend());
    const bool known = key_id == "fake.1";
    Submit(std::move(call), [done = std::move(done), turned, known](std::optional<Error> error) {
      if (!known) return done(Error(Reason::kKeyNotFound, "nothing here is called that"));
      if (error) return done(*error);
      done(SecretBytes(AsBytes(turned)));
    });
  }

  std::shared_ptr<const hsm::KeyringStatus> Status() const override {
    const std::lock_guard lock(mutex_);
    return status_;
  }
  const std::string& name() const override { return name_; }

  void SetStatus(hsm::KeyringStatus status) {
    const std::lock_guard lock(mutex_);
    status_ = std::make_shared<const hsm::KeyringStatus>(std::move(status));
  }
  void FailWith(Error error) {
    const std::lock_guard lock(mutex_);
    error_ = std::move(error);
  }
  // As no keyring may: its calls do not return before `release`.
  void BlockUntil(std::shared_future<void> release) {
    const std::lock_guard lock(mutex_);
    release_ = std::move(release);
  }
  void Hold() {
    const std::lock_guard lock(mutex_);
    is_holding_ = true;
  }
  // Waits until `count` calls are held.
  void WaitForHeld(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return held_.size() >= count; });
  }
  // Ends what is held; calls whose caller has gone end with kCancelled.
  void Release() {
    std::vector<Held> held;
    {
      const std::lock_guard lock(mutex_);
      is_holding_ = false;
      held.swap(held_);
    }
    for (Held& one : held) {
      if (*one.call.cancelled) {
        one.finish(Error(Reason::kCancelled, "the caller went away"));
      } else {
        one.finish(std::nullopt);
      }
    }
  }
  // The call that was submitted last.
  hsm::Call last_call() const {
    const std::lock_guard lock(mutex_);
    return last_call_;
  }
  int calls() const { return calls_; }

 private:
  using Finish = std::function<void(std::optional<Error>)>;
  struct Held {
    hsm::Call call;
    Finish finish;
  };

  void Submit(hsm::Call call, Finish finish) {
    ++calls_;
    std::optional<Error> error;
    std::shared_future<void> release;
    {
      const std::lock_guard lock(mutex_);
      last_call_ = call;
      error = error_;
      release = release_;
      if (is_holding_) {
        held_.push_back({std::move(call), std::move(finish)});
        changed_.notify_all();
        return;
      }
    }
    if (release.valid()) release.wait();
    finish(error);
  }

  const std::string name_ = "fake";
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<const hsm::KeyringStatus> status_;
  std::optional<Error> error_;
  bool is_holding_ = false;
  std::shared_future<void> release_;
  std::vector<Held> held_;
  hsm::Call last_call_{};
  std::atomic<int> calls_{0};
};

}  // namespace mortise::test
