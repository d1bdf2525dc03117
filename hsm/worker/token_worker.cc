// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/token_worker.h"

#include <pthread.h>
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
  pthread_setname_np(pthread_self(), "token-reader");
  const RequestHead head{.kind = MessageKind::kHello, .id = NextId(), .incarnation = incarnation_};
  const std::string body = hello.Encode();
  channel_.TrySend(std::array{Channel::Datagram{HeadBytes(head), body, {}}});
  const auto batch = std::make_unique<Channel::Batch>();
  try {
    ReadAll(*batch);
  } catch (const Error&) {
    // Too long or too short: not a worker of ours any more.
    kill(process_.pid, SIGKILL);
  }
  for (std::array<char, kMaxMessageSize>& space : batch->space) Wipe(space.data(), space.size());
  listener_.on_gone(*this);
}

void TokenWorker::ReadAll(Channel::Batch& batch) {
  std::array<Message, kBatch> messages;
  for (;;) {
    const std::span<const std::string_view> datagrams = channel_.Receive(batch);
    if (datagrams.empty()) return;
    for (std::size_t i = 0; i < datagrams.size(); ++i) {
      WireReader reader(datagrams[i]);
      messages[i].head = reader.Get<ReplyHead>();
      messages[i].body = reader.Rest();
    }
    listener_.on_messages(*this, {messages.data(), datagrams.size()});
    for (std::size_t i = 0; i < datagrams.size(); ++i)
      Wipe(batch.space[i].data(), datagrams[i].size());
  }
}

TokenWorker::Request TokenWorker::AddRow(OperationPtr operation, Clock::time_point now,
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
  rows_.push_back({.request = {head, std::move(operation)},
                   .attempt_deadline = now + limit,
                   .is_check = is_check});
  return rows_.back().request;
}

TokenWorker::Request TokenWorker::Begin(OperationPtr operation, Clock::time_point now,
                                        Clock::duration attempt_limit) {
  operation->dispatched = now;
  return AddRow(std::move(operation), now, attempt_limit, false);
}

TokenWorker::Request TokenWorker::BeginCheck(OperationPtr check, Clock::time_point now,
                                             Clock::duration limit) {
  check_is_out_ = true;
  return AddRow(std::move(check), now, limit, true);
}

Channel::Sent TokenWorker::Send(std::span<const Request* const> requests) const {
  std::array<Channel::Datagram, kBatch> datagrams;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const Operation& operation = *requests[i]->operation;
    datagrams[i] = {HeadBytes(requests[i]->head), operation.kek_bytes(), operation.input};
  }
  return channel_.TrySend({datagrams.data(), requests.size()});
}

std::optional<TokenWorker::Request> TokenWorker::Take(const ReplyHead& head) {
  const auto row =
      std::ranges::find_if(rows_, [&](const Row& one) { return one.request.head.id == head.id; });
  if (row == rows_.end() || head.incarnation != incarnation_) return std::nullopt;
  Request request = std::move(row->request);
  if (row->is_check) {
    check_is_out_ = false;
    request.operation.reset();
  }
  if (&*row != &rows_.back()) *row = std::move(rows_.back());
  rows_.pop_back();
  // It lives; and once nothing missed is left in it, it is as good as before.
  if (state_ == State::kHung) state_ = State::kReady;
  if (std::ranges::none_of(rows_, &Row::is_missed)) first_miss_.reset();
  return request;
}

std::vector<OperationPtr> TokenWorker::TakeMissed(Clock::time_point now) {
  std::vector<OperationPtr> missed;
  for (Row& row : rows_) {
    if (row.is_missed || now < row.attempt_deadline) continue;
    row.is_missed = true;
    if (!first_miss_) first_miss_ = now;
    if (row.is_check) {
      if (state_ == State::kReady) state_ = State::kHung;
    } else if (row.request.operation) {
      missed.push_back(std::move(row.request.operation));
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
