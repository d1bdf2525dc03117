// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "hsm/worker/channel.h"
#include "hsm/worker/launcher.h"

namespace mortise::hsm {

// A worker whose part the test plays: the far end of its channel. Behind the pid is a
// process that only sleeps, so that it can be killed and waited for.
class FakeWorker {
 public:
  struct Request {
    RequestHead head;
    std::string body;
    RequestDigest digest{};
  };

  FakeWorker(pid_t pid, UniqueFd channel) : pid_(pid), channel_(std::move(channel)) {}

  // The next message of the front; nothing when none comes within `limit`.
  std::optional<Request> Receive(std::chrono::milliseconds limit = std::chrono::seconds(5));
  Hello ReceiveHello();

  void Ready(std::uint32_t sessions = 1);
  void Fail(Reason reason, const std::string& why, std::uint64_t ckr = 0);
  // A message that answers nothing.
  void Say(MessageKind kind);
  void Answer(const Request& request, std::string_view body);
  void Refuse(const Request& request, Reason reason);
  static ReplyHead ReplyTo(const Request& request);
  void Send(const ReplyHead& head, std::string_view body = {}) const;

  // The worker ends: by itself, or because the front has killed it.
  void End() { channel_.reset(); }
  bool WasKilled(std::chrono::milliseconds limit = std::chrono::seconds(5)) const;

  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
  std::optional<Channel> channel_;
  std::uint64_t incarnation_ = 0;
};

// Thread-safe.
class FakeLauncher final : public Launcher {
 public:
  LaunchedWorker Launch(const std::string& token,
                        const std::map<std::string, std::string>& environment) const override;

  // The next worker that was started and not yet taken; null when none is within `limit`.
  std::unique_ptr<FakeWorker> Next(std::chrono::milliseconds limit = std::chrono::seconds(5)) const;

 private:
  mutable std::mutex mutex_;
  mutable std::deque<std::unique_ptr<FakeWorker>> workers_;
};

}  // namespace mortise::hsm
