// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hsm/worker/channel.h"
#include "hsm/worker/launcher.h"
#include "test/support/softhsm_token.h"

namespace mortise::test {

// A token worker of its own, spoken to as the front does, one message at a time: what it
// answers and what it says unasked.
class SpokenWorker {
 public:
  struct Message {
    hsm::ReplyHead head;
    std::string body;
  };
  using Change = std::function<void(hsm::Hello&)>;

  // Launches it, says hello, and waits until it is ready or has failed.
  explicit SpokenWorker(
      const SoftHsmToken& token, const Change& change = [](hsm::Hello&) {});
  ~SpokenWorker();

  std::uint64_t Send(hsm::MessageKind kind, const std::string& body,
                     hsm::Purpose purpose = hsm::Purpose::kSeed);
  // Sends and waits for the answer; what else the worker says meanwhile is kept.
  Message Ask(hsm::MessageKind kind, const std::string& body,
              hsm::Purpose purpose = hsm::Purpose::kSeed);
  std::vector<Message> Replies(std::size_t count);

  const Message& started() const { return started_; }  // kReady or kFailed
  int Heard(hsm::MessageKind kind) const;              // of what was not asked for
  // Waits until that many sessions are open.
  void WaitForSessions(std::uint32_t count);

 private:
  Message Receive();
  Message Await(const std::function<bool(const Message&)>& wanted);

  hsm::LaunchedWorker process_;
  hsm::Channel channel_;
  Message started_;
  std::vector<Message> unasked_;
  std::uint32_t sessions_ = 1;
  std::uint64_t next_id_ = 1;
};

}  // namespace mortise::test
