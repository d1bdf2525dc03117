// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "hsm/worker/channel.h"
#include "hsm/worker/launcher.h"
#include "hsm/worker/operation.h"

namespace mortise::hsm {

// What is known of the login of a worker that starts.
struct StartingLogin {
  UnrecordedLogin unrecorded = UnrecordedLogin::kRefused;
  bool has_begun_unrecorded = false;
};

// The front's end of one worker process: the channel, its reader thread, and the table
// of what is in flight. Everything but Send, Kill and the getters is guarded by the lock
// of the token that owns it ("the token's lock"). Kill and JoinReader before destroying it.
class TokenWorker {
 public:
  enum class State {
    kStarting,  // hello is sent; no ready yet
    kReady,
    kHung,    // an attempt was missed and the check after it too: nothing new is sent
    kEnding,  // sick, mismatched or gone: to be replaced
  };

  // What the worker says; `body` lives only as long as the listener's call.
  struct Message {
    ReplyHead head;
    std::string_view body;
  };
  // What it is asked. The operation is null when it was answered otherwise.
  struct Request {
    RequestHead head;
    OperationPtr operation;

    RequestDigest Digest() const {
      return DigestOf(HeadBytes(head), operation->kek_bytes(), operation->input);
    }
  };
  static constexpr std::size_t kBatch = Channel::kBatch;

  // What the reader thread tells. Both run under no lock.
  struct Listener {
    std::function<void(TokenWorker&, std::span<const Message>)> on_messages;  // at most kBatch
    std::function<void(TokenWorker&)> on_gone;                                // last of all
  };

  TokenWorker(LaunchedWorker process, std::uint64_t incarnation, int configured_sessions,
              Listener listener);
  ~TokenWorker();
  TokenWorker(const TokenWorker&) = delete;
  TokenWorker& operator=(const TokenWorker&) = delete;

  // Starts the reader. Apart from the constructor so that the owner has its pointer first.
  void Start(const Hello& hello);

  // One attempt at `operation`: what to send, noted in the table.
  Request Begin(OperationPtr operation, Clock::time_point now, Clock::duration attempt_limit);
  // At most kBatch, with one system call. No wait, no lock needed.
  Channel::Sent Send(std::span<const Request* const> requests) const;

  // The request that a reply claims to answer, taken out of the table; nothing: none, so
  // this worker cannot be trusted. Whether the reply is to its very bytes (its digest) is
  // the caller's to see, without the lock.
  std::optional<Request> Take(const ReplyHead& head);

  // Operations whose attempt was missed by `now`; they are the caller's again, while their
  // rows stay until the worker answers or ends. Sets first_miss and may set kHung.
  std::vector<OperationPtr> TakeMissed(Clock::time_point now);
  // Operations that ended for their caller (cancelled, past their deadline).
  template <typename Predicate>
  std::vector<OperationPtr> TakeIf(Predicate ended) {
    std::vector<OperationPtr> taken;
    for (Row& row : rows_) {
      OperationPtr& operation = row.request.operation;
      if (operation && !row.is_check && ended(*operation)) taken.push_back(std::move(operation));
    }
    return taken;
  }
  // All operations still waited for, when the worker has ended.
  std::vector<OperationPtr> TakeAll();

  // After a miss: something must ask whether other sessions still answer.
  bool wants_check() const { return first_miss_ && !check_is_out_ && state_ == State::kReady; }
  Request BeginCheck(OperationPtr check, Clock::time_point now, Clock::duration limit);

  void Kill();  // SIGKILL; remembers that it was us
  // After Kill, without the token's lock and not from the reader: on_gone has run then.
  void JoinReader();
  bool Reap();  // true once the process is gone and waited for

  State state() const { return state_; }
  void set_state(State state) {
    state_ = state;
    has_served_ |= state == State::kReady;
  }
  bool has_room() const { return state_ == State::kReady && rows_.size() < 2 * sessions_; }
  std::size_t in_flight() const { return rows_.size(); }
  std::size_t sessions() const { return sessions_; }
  void set_sessions(std::size_t sessions) { sessions_ = sessions; }
  std::optional<Clock::time_point> first_miss() const { return first_miss_; }
  bool was_killed() const { return was_killed_; }
  // It asked to be replaced, or broke the protocol.
  bool is_sick() const { return is_sick_; }
  void MarkSick() {
    is_sick_ = true;
    state_ = State::kEnding;
  }
  pid_t pid() const { return process_.pid; }
  std::uint64_t incarnation() const { return incarnation_; }
  Clock::time_point started() const { return started_; }
  bool has_served() const { return has_served_; }
  StartingLogin& login() { return login_; }

 private:
  struct Row {
    Request request;
    Clock::time_point attempt_deadline;
    bool is_check = false;
    bool is_missed = false;
  };

  Request AddRow(OperationPtr operation, Clock::time_point now, Clock::duration limit,
                 bool is_check);
  void Read(const Hello& hello);
  void ReadAll(Channel::Batch& batch);

  LaunchedWorker process_;
  const std::uint64_t incarnation_;
  const Channel channel_;
  const Listener listener_;
  const Clock::time_point started_ = Clock::now();

  // Guarded by the token's lock.
  State state_ = State::kStarting;
  std::size_t sessions_ = 1;
  std::vector<Row> rows_;
  std::optional<Clock::time_point> first_miss_;
  bool check_is_out_ = false;
  bool was_killed_ = false;
  bool is_sick_ = false;
  bool is_reaped_ = false;
  bool has_served_ = false;  // it was ready once
  StartingLogin login_;

  std::thread reader_;
};

}  // namespace mortise::hsm
