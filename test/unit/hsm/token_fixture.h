// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "hsm/token.h"
#include "test/unit/hsm/fake_worker.h"

namespace mortise::hsm {

// Thread-safe.
class EventLog final : public Observer {
 public:
  void OnEvent(const Event& event) override {
    const std::lock_guard lock(mutex_);
    events_.push_back({std::string(event.name), event.message});
  }
  int Count(std::string_view name, std::string_view part = {}) const {
    const std::lock_guard lock(mutex_);
    int count = 0;
    for (const auto& [event, message] : events_)
      count += event == name && message.find(part) != std::string::npos ? 1 : 0;
    return count;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::pair<std::string, std::string>> events_;
};

inline config::Token TokenNamed(std::string name) {
  config::Token settings;
  settings.name = std::move(name);
  return settings;
}

// What became of an operation.
struct Fate {
  std::optional<Error> error;
  std::string body;
};

// A Token whose workers the test plays. Time passes by Tick alone where a test says so.
class TokenTest : public ::testing::Test {
 protected:
  ~TokenTest() override { token_.Stop(); }

  static bool WaitFor(const std::function<bool()>& condition,
                      std::chrono::milliseconds limit = std::chrono::seconds(5)) {
    const Clock::time_point end = Clock::now() + limit;
    while (!condition()) {
      if (Clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
  }

  void Skip(Clock::duration time) {
    skipped_ += time;
    token_.Tick(Clock::now() + skipped_);
  }

  // The next worker that the token starts, its back-off skipped.
  std::unique_ptr<FakeWorker> StartedWorker() {
    std::unique_ptr<FakeWorker> worker;
    WaitFor([&] {
      token_.Tick(Clock::now() + skipped_);
      worker = launcher_.Next(std::chrono::milliseconds(0));
      if (!worker) skipped_ += std::chrono::milliseconds(100);
      return worker != nullptr;
    });
    if (!worker) throw Error(Reason::kInternal, "no worker was started");
    return worker;
  }
  std::unique_ptr<FakeWorker> ReadyWorker(std::uint32_t sessions = 1) {
    std::unique_ptr<FakeWorker> worker = StartedWorker();
    worker->ReceiveHello();
    worker->Ready(sessions);
    if (!WaitFor([&] { return token_.Describe().is_ready; }))
      throw Error(Reason::kInternal, "the worker did not become ready");
    return worker;
  }

  std::future<Fate> Submit(MessageKind kind, Clock::duration limit = std::chrono::seconds(30),
                           bool has_alternative = false) {
    auto operation = std::make_shared<Operation>();
    operation->kind = kind;
    operation->kek = std::make_shared<const std::string>("a KEK");
    operation->input = "input";
    operation->deadline = Clock::now() + limit;
    operation->has_alternative = has_alternative;
    auto promise = std::make_shared<std::promise<Fate>>();
    operation->done = [promise](const OperationReply& reply) {
      Fate fate{.error = {}, .body = std::string(reply.body)};
      if (reply.error != nullptr) fate.error = *reply.error;
      promise->set_value(std::move(fate));
    };
    token_.Submit(std::move(operation));
    return promise->get_future();
  }

  static bool IsOver(const std::future<Fate>& fate) {
    return fate.wait_for(std::chrono::milliseconds(50)) == std::future_status::ready;
  }
  // Why it failed; kInternal, which no test here expects, when it did not or is not over.
  static Reason ReasonOf(std::future<Fate>& fate) {
    if (fate.wait_for(std::chrono::seconds(5)) != std::future_status::ready)
      return Reason::kInternal;
    const Fate known = fate.get();
    return known.error ? known.error->reason() : Reason::kInternal;
  }
  // Its answer; "none" when it failed or is not over.
  static std::string BodyOf(std::future<Fate>& fate) {
    if (fate.wait_for(std::chrono::seconds(5)) != std::future_status::ready) return "none";
    const Fate known = fate.get();
    return known.error ? "none" : known.body;
  }
  static bool IsQuiet(FakeWorker& worker) {
    return !worker.Receive(std::chrono::milliseconds(50)).has_value();
  }

  EventLog events_;
  FakeLauncher launcher_;
  const config::Token settings_ = TokenNamed("hsm-a");
  Token token_{settings_, {.state_dir = "/nowhere"}, launcher_, events_};

 private:
  Clock::duration skipped_{};
};

}  // namespace mortise::hsm
