// SPDX-License-Identifier: Apache-2.0
#include "test/fault/spoken_worker.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>

#include "base/version.h"

namespace mortise::test {
namespace {

using hsm::MessageKind;

constexpr std::uint64_t kIncarnation = 7;

}  // namespace

SpokenWorker::SpokenWorker(const SoftHsmToken& token, const Change& change)
    : process_(hsm::Launcher(MORTISE_WORKER).Launch(token.label(), token.environment())),
      channel_(std::move(process_.channel)) {
  hsm::Hello hello{.build_id = std::string(BuildId()),
                   .token_name = token.label(),
                   .module = SoftHsmToken::FaultModule(),
                   .uri = token.uri(),
                   .pin_file = token.pin_file(),
                   .user_type = "user",
                   .init_args = {},
                   .state_dir = token.folder(),
                   .sessions = 4};
  change(hello);
  const hsm::RequestHead head{.kind = MessageKind::kHello, .id = 0, .incarnation = kIncarnation};
  channel_.Send(hsm::HeadBytes(head), hello.Encode());
  started_ = Await([](const Message& message) {
    return message.head.kind == MessageKind::kReady || message.head.kind == MessageKind::kFailed;
  });
}

SpokenWorker::~SpokenWorker() {
  kill(process_.pid, SIGKILL);
  waitpid(process_.pid, nullptr, 0);
}

std::uint64_t SpokenWorker::Send(MessageKind kind, const std::string& body, hsm::Purpose purpose) {
  const hsm::RequestHead head{
      .kind = kind,
      .purpose = purpose,
      .id = next_id_++,
      .incarnation = kIncarnation,
      .deadline_ns = (Clock::now() + std::chrono::minutes(1)).time_since_epoch().count()};
  channel_.Send(hsm::HeadBytes(head), body);
  return head.id;
}

SpokenWorker::Message SpokenWorker::Ask(MessageKind kind, const std::string& body,
                                        hsm::Purpose purpose) {
  const std::uint64_t id = Send(kind, body, purpose);
  return Await([&](const Message& message) {
    return message.head.kind == MessageKind::kReply && message.head.id == id;
  });
}

std::vector<SpokenWorker::Message> SpokenWorker::Replies(std::size_t count) {
  std::vector<Message> replies;
  while (replies.size() < count) {
    replies.push_back(
        Await([](const Message& message) { return message.head.kind == MessageKind::kReply; }));
  }
  return replies;
}

int SpokenWorker::Heard(MessageKind kind) const {
  return static_cast<int>(std::ranges::count_if(
      unasked_, [kind](const Message& message) { return message.head.kind == kind; }));
}

void SpokenWorker::WaitForSessions(std::uint32_t count) {
  while (sessions_ < count) {
    const Message message = Receive();
    sessions_ = std::max(sessions_, message.head.sessions);
  }
}

SpokenWorker::Message SpokenWorker::Await(const std::function<bool(const Message&)>& wanted) {
  for (;;) {
    Message message = Receive();
    sessions_ = std::max(sessions_, message.head.sessions);
    if (wanted(message)) return message;
    unasked_.push_back(std::move(message));
  }
}

SpokenWorker::Message SpokenWorker::Receive() {
  std::array<char, hsm::kMaxMessageSize> buffer;
  const std::string_view datagram = channel_.Receive(buffer);
  if (datagram.empty()) throw Error(Reason::kWorkerLost, "the worker has ended");
  hsm::WireReader reader(datagram);
  Message message{.head = reader.Get<hsm::ReplyHead>(), .body = {}};
  message.body = reader.Rest();
  return message;
}

}  // namespace mortise::test
