// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <memory_resource>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "hsm/backlog.h"
#include "hsm/observer.h"
#include "hsm/start_record.h"
#include "hsm/worker/launcher.h"
#include "hsm/worker/worker_slot.h"

namespace mortise::hsm {

// A configured token: its backlog, its workers, and what happens when one of them errs.
// Thread-safe. Nothing is sent and nobody is called under its lock. Submit (token.cc) and
// the workers' readers (token_messages.cc) drive it; Tick (token_tick.cc), on the
// supervisor's thread, watches time.
class Token {
 public:
  struct Options {
    std::string state_dir;
    std::size_t queue_limit = 4096;
    std::size_t shares = 1;  // keyrings that use it
  };

  Token(const config::Token& settings, Options options, const Launcher& launcher,
        Observer& observer);
  ~Token();  // everything submitted is answered by then

  // Never blocks. `operation->done` runs exactly once.
  void Submit(OperationPtr operation);

  // The same, waiting; for maintenance threads, never for a call of the apiserver. Gives
  // the answer's body or throws Error.
  std::string Call(OperationPtr operation);

  // How long its worker may take over one message of this kind, which may be many
  // operations of the token.
  Clock::duration TimeFor(MessageKind kind) const;

  // Every 20 ms or so, from one thread that lives as long as this: deadlines, missed
  // attempts, starts and ends of workers.
  void Tick(Clock::time_point now);

  // Answers all that waits with kUnavailable and starts nothing any more. Once Tick has
  // ceased to be called.
  void Stop();

  // A fresh process takes over, for libraries that show new objects to new ones only.
  void Respawn();

  struct Snapshot {
    bool is_ready = false;  // a worker is ready
    std::string problem;    // why none is; the last failed start's words
    Reason problem_reason = Reason::kNoWorker;
    Ready description;  // of the last worker that came up
    std::vector<int> worker_pids;
    int sessions = 0;
    std::size_t queue_length = 0;
    std::uint64_t incarnation = 0;  // of the newest ready worker; changes with each
  };
  Snapshot Describe() const;
  // The same in one bit, without a lock; at most a tick old.
  bool is_ready() const { return is_ready_.load(std::memory_order_relaxed); }

  // Waits until a worker of another incarnation than `known` is ready, or until the deadline.
  bool WaitUntilReady(std::uint64_t known, Deadline deadline) const;

  const std::string& name() const { return settings_.name; }
  const config::Token& settings() const { return settings_; }

 private:
  // What is to be done once the lock is released. A few sends need no memory of the heap.
  struct Work : Aftermath {
    struct Send {
      std::shared_ptr<TokenWorker> worker;
      TokenWorker::Request request;
    };
    std::array<std::byte, 1024> space;
    std::pmr::monotonic_buffer_resource arena{space.data(), space.size()};
    std::pmr::vector<Send> sends{&arena};
  };

  // All with the lock held; what must happen outside goes into `work`.
  void Dispatch(Clock::time_point now, Work& work);
  // It is sent again where that may help; after Stop nothing is.
  void Retry(OperationPtr operation, const Error& cause, Clock::time_point now, Work& work);
  void SendTo(const std::shared_ptr<TokenWorker>& worker, OperationPtr operation,
              Clock::time_point now, Work& work);
  void Sweep(Clock::time_point now, Work& work);
  void SweepWorker(const std::shared_ptr<TokenWorker>& worker, Clock::time_point now, Work& work);
  void NoteFailedStart(const std::string& why, Work& work);
  bool AnyReady() const;
  bool AnyStarts() const;
  std::vector<std::shared_ptr<TokenWorker>> Workers() const;

  // Without the lock.
  void Finish(Work& work);
  void Distrust(TokenWorker& worker, Reason reason, const std::string& why);
  void Answer(const OperationPtr& operation, const Error* error, std::string_view body,
              std::chrono::nanoseconds token_time);
  void OnMessages(TokenWorker& worker, std::span<const TokenWorker::Message> messages);
  void OnReplies(TokenWorker& worker, std::span<const TokenWorker::Message> messages);
  void OnReply(TokenWorker& worker, const TokenWorker::Request& request,
               const TokenWorker::Message& reply);
  void OnNotice(TokenWorker& worker, const TokenWorker::Message& notice);
  void OnReady(TokenWorker& worker, const TokenWorker::Message& notice);
  void OnFailed(TokenWorker& worker, const TokenWorker::Message& notice);
  void OnGone(TokenWorker& worker);
  std::shared_ptr<TokenWorker> StartWorker(StartReason reason, int sessions, Work& work);
  void TickSlot(WorkerSlot& slot, int sessions, Clock::time_point now, Work& work);
  void Bury(std::vector<std::shared_ptr<TokenWorker>> workers);

  const config::Token settings_;
  const Options options_;
  const Launcher& launcher_;
  Observer& observer_;

  // Killed, and not yet waited for. The supervisor's thread alone uses it.
  std::vector<std::shared_ptr<TokenWorker>> buried_;

  mutable std::mutex mutex_;
  mutable std::condition_variable ready_changed_;
  // Guarded by mutex_ from here on.
  Backlog backlog_;
  StartRecord starts_;
  std::vector<WorkerSlot> slots_;
  // What was in flight on a worker that ended by itself is sent again one at a time to a
  // worker of its own, which may die of it without harm to others.
  WorkerSlot isolation_;
  Clock::time_point isolation_used_{};
  bool is_stopped_ = false;
  std::atomic<bool> is_ready_{false};  // not guarded
};

}  // namespace mortise::hsm
