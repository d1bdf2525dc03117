// SPDX-License-Identifier: Apache-2.0
#include "test/unit/hsm/fake_worker.h"

#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;

pid_t ForkSleeper() {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The channel's ends too, or the test could never close one.
  syscall(SYS_close_range, 3, ~0U, 0);
  for (;;) pause();
}

}  // namespace

std::optional<FakeWorker::Request> FakeWorker::Receive(std::chrono::milliseconds limit) {
  pollfd waited{.fd = channel_->fd(), .events = POLLIN, .revents = 0};
  if (poll(&waited, 1, static_cast<int>(limit.count())) != 1) return std::nullopt;
  std::array<char, kMaxMessageSize> buffer;
  const std::string_view datagram = channel_->Receive(buffer);
  if (datagram.empty()) return std::nullopt;
  WireReader reader(datagram);
  Request request;
  request.head = reader.Get<RequestHead>();
  request.body = reader.Rest();
  request.digest = DigestOf(HeadBytes(request.head), request.body, {});
  return request;
}

Hello FakeWorker::ReceiveHello() {
  const std::optional<Request> request = Receive();
  if (!request) throw Error(Reason::kInternal, "no hello came");
  incarnation_ = request->head.incarnation;
  return Hello::Decode(request->body);
}

void FakeWorker::Ready(std::uint32_t sessions) {
  Send({.kind = MessageKind::kReady, .sessions = sessions, .incarnation = incarnation_},
       hsm::Ready{}.Encode());
}

void FakeWorker::Fail(Reason reason, const std::string& why, std::uint64_t ckr) {
  Send({.kind = MessageKind::kFailed,
        .failed = 1,
        .reason = reason,
        .incarnation = incarnation_,
        .ckr = ckr},
       why);
}

void FakeWorker::Say(MessageKind kind) {
  Send({.kind = kind, .incarnation = incarnation_});
}

ReplyHead FakeWorker::ReplyTo(const Request& request) {
  ReplyHead reply{.id = request.head.id, .incarnation = request.head.incarnation};
  reply.digest = request.digest;
  return reply;
}

void FakeWorker::Answer(const Request& request, std::string_view body) {
  Send(ReplyTo(request), body);
}

void FakeWorker::Refuse(const Request& request, Reason reason) {
  ReplyHead reply = ReplyTo(request);
  reply.failed = 1;
  reply.reason = reason;
  Send(reply, "refused by the test");
}

void FakeWorker::Send(const ReplyHead& head, std::string_view body) const {
  channel_->Send(HeadBytes(head), body);
}

bool FakeWorker::WasKilled(std::chrono::milliseconds limit) const {
  const Clock::time_point end = Clock::now() + limit;
  siginfo_t ended{};
  // Left for the front to reap; an error means that it has.
  while (waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         ended.si_pid != pid_) {
    if (Clock::now() > end) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

LaunchedWorker FakeLauncher::Launch(const std::string&,
                                    const std::map<std::string, std::string>&) const {
  Channel::Pair pair = Channel::MakePair();
  const pid_t pid = ForkSleeper();
  if (pid < 0) throw Error(Reason::kInternal, "fork: " + ErrnoText(errno));
  const std::lock_guard lock(mutex_);
  workers_.push_back(std::make_unique<FakeWorker>(pid, std::move(pair.worker)));
  return {pid, std::move(pair.front)};
}

std::unique_ptr<FakeWorker> FakeLauncher::Next(std::chrono::milliseconds limit) const {
  const Clock::time_point end = Clock::now() + limit;
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (!workers_.empty()) {
        std::unique_ptr<FakeWorker> first = std::move(workers_.front());
        workers_.pop_front();
        return first;
      }
    }
    if (Clock::now() > end) return nullptr;
    std::this_thread::sleep_for(5ms);
  }
}

}  // namespace mortise::hsm
