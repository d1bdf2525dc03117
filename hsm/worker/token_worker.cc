// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/token_worker.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>

namespace mortise::hsm {
namespace {

// Never used again in this process's life, whatever the token or the attempt.
std::uint64_t NextId() {
  static std::atomic<std::uint64_t> next{1};
  return next.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

TokenWorker::TokenWorker(LaunchedWorker process, std::uint64_t incarnation, int configured_sessions,
                         Listener listener)
    : process_(std::move(process)),
      incarnation_(incarnation),
      channel_(std::move(process_.channel)),
      listener_(std::move(listener)) {
  rows_.reserve(2 * static_cast<std::size_t>(configured_sessions) + 2);
}

TokenWorker::~TokenWorker() {
  Kill();
  JoinReader();
}

void TokenWorker::Start(const Hello& hello) {
  reader_ = std::thread([this, hello] { Read(hello); });
}

void TokenWorker::Read(const Hello& hello) {
  const RequestHead head{.kind = MessageKind::kHello, .id = NextId(), .incarnation = incarnation_};
  channel_.TrySend(HeadBytes(head), hello.Encode());
  std::array<char, kMaxMessageSize> buffer;
  try {
    for (;;) {
      const std::string_view datagram = channel_.Receive(buffer);
      if (datagram.empty()) break;
      WireReader reader(datagram);
      const auto reply = reader.Get<ReplyHead>();
      listener_.on_message(*this, reply, reader.Rest());
      Wipe(buffer.data(), datagram.size());
    }
  } catch (const Error&) {
    // Too long or too short: not a worker of ours any more.
    kill(process_.pid, SIGKILL);
  }
  listener_.on_gone(*this);
}

RequestHead TokenWorker::AddRow(const OperationPtr& operation, Clock::time_point now,
                                Clock::duration limit, bool is_check) {
  operation->id = NextId();
  const RequestHead head{
      .kind = operation->kind,
      .purpose = operation->purpose,
      .attempt = ++operation->attempt,
      .id = operation->id,
      .incarnation = incarnation_,
      .deadline_ns = operation->deadline.time_since_epoch().count(),
  };
  rows_.push_back({.id = head.id,
                   .digest = DigestOf(HeadBytes(head), operation->kek_bytes(), operation->input),
                   .operation = operation,
                   .attempt_deadline = now + limit,
                   .is_check = is_check});
  return head;
}

RequestHead TokenWorker::Begin(const OperationPtr& operation, Clock::time_point now,
                               Clock::duration attempt_limit) {
  operation->dispatched = now;
  return AddRow(operation, now, attempt_limit, false);
}

RequestHead TokenWorker::BeginCheck(const OperationPtr& check, Clock::time_point now,
                                    Clock::duration limit) {
  check_is_out_ = true;
  return AddRow(check, now, limit, true);
}

Channel::Sent TokenWorker::Send(const RequestHead& head, const Operation& operation) const {
  return channel_.TrySend(HeadBytes(head), operation.kek_bytes(), operation.input);
}

std::optional<TokenWorker::Answered> TokenWorker::Take(const ReplyHead& head) {
  const auto row =
      std::find_if(rows_.begin(), rows_.end(), [&](const Row& r) { return r.id == head.id; });
  if (row == rows_.end() || head.incarnation != incarnation_ || row->digest != head.digest)
    return std::nullopt;
  Answered answered{row->is_check ? nullptr : std::move(row->operation)};
  if (row->is_check) check_is_out_ = false;
  *row = std::move(rows_.back());
  rows_.pop_back();
  // It lives; and once nothing missed is left in it, it is as good as before.
  if (state_ == State::kHung) state_ = State::kReady;
  if (std::none_of(rows_.begin(), rows_.end(), [](const Row& r) { return r.is_missed; }))
    first_miss_.reset();
  return answered;
}

std::vector<OperationPtr> TokenWorker::TakeMissed(Clock::time_point now) {
  std::vector<OperationPtr> missed;
  for (Row& row : rows_) {
    if (row.is_missed || now < row.attempt_deadline) continue;
    row.is_missed = true;
    if (!first_miss_) first_miss_ = now;
    if (row.is_check) {
      if (state_ == State::kReady) state_ = State::kHung;
    } else if (row.operation) {
      missed.push_back(std::move(row.operation));
    }
  }
  return missed;
}

std::vector<OperationPtr> TokenWorker::TakeAll() {
  std::vector<OperationPtr> all = TakeIf([](const Operation&) { return true; });
  rows_.clear();
  return all;
}

void TokenWorker::Kill() {
  was_killed_ = true;
  if (!is_reaped_) kill(process_.pid, SIGKILL);
  // A process stuck in the kernel dies late; its reader must not wait for that.
  shutdown(channel_.fd(), SHUT_RDWR);
}

void TokenWorker::JoinReader() {
  if (reader_.joinable()) reader_.join();
}

bool TokenWorker::Reap() {
  if (!is_reaped_) is_reaped_ = waitpid(process_.pid, nullptr, WNOHANG) == process_.pid;
  return is_reaped_;
}

}  // namespace mortise::hsm
