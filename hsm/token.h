// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "hsm/observer.h"
#include "hsm/worker/launcher.h"
#include "hsm/worker/operation_queue.h"
#include "hsm/worker/worker_slot.h"

namespace mortise::hsm {

// A configured token: its queue, its workers, and what happens when one of them errs.
// Thread-safe. Nothing is sent and nobody is called under its lock. Submit and the
// workers' readers drive it; Tick, on the supervisor's thread, watches time.
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
  struct Ending {
    OperationPtr operation;
    Error error;
  };
  // What is to be done once the lock is released.
  struct Work {
    std::vector<std::pair<std::shared_ptr<TokenWorker>, std::pair<RequestHead, OperationPtr>>>
        sends;
    std::vector<Ending> endings;
    std::vector<Event> events;
  };

  // All with the lock held; what must happen outside goes into `work`.
  void Dispatch(Clock::time_point now, Work& work);
  void DispatchSuspects(Clock::time_point now, Work& work);
  void SendTo(const std::shared_ptr<TokenWorker>& worker, OperationPtr operation,
              Clock::time_point now, Work& work);
  void Requeue(OperationPtr operation, Clock::time_point now, Work& work);
  void Suspect(OperationPtr operation, Work& work);
  void Sweep(Clock::time_point now, Work& work);
  void SweepWorker(const std::shared_ptr<TokenWorker>& worker, Clock::time_point now, Work& work);
  bool AnyReady() const;
  std::vector<std::shared_ptr<TokenWorker>> Workers() const;
  bool IsPoisoned(const Operation& operation);

  // Without the lock.
  void Finish(Work work);
  void Answer(const OperationPtr& operation, const Error* error, std::string_view body,
              std::chrono::nanoseconds token_time);
  void OnMessage(TokenWorker& worker, const ReplyHead& head, std::string_view body);
  void OnReply(TokenWorker& worker, const ReplyHead& head, std::string_view body);
  void OnReady(TokenWorker& worker, const ReplyHead& head, std::string_view body);
  void OnFailed(TokenWorker& worker, const ReplyHead& head, std::string_view body);
  void OnGone(TokenWorker& worker);
  std::shared_ptr<TokenWorker> StartWorker(StartReason reason, int sessions);
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
  OperationQueue queue_;
  std::vector<WorkerSlot> slots_;
  // What was in flight on a worker that ended by itself: sent again one at a time to a
  // worker of its own, which may die of it without harm to others.
  WorkerSlot isolation_;
  OperationQueue suspects_;
  Clock::time_point isolation_used_{};
  std::map<Digest, Clock::time_point> poisoned_;  // until when a blob is refused
  std::string problem_;
  Reason problem_reason_ = Reason::kNoWorker;
  Ready description_;
  bool is_stopped_ = false;
  std::atomic<bool> is_ready_{false};          // not guarded
  std::atomic<bool> has_failed_start_{false};  // not guarded
  std::atomic<bool> has_been_ready_{false};    // not guarded
};

}  // namespace mortise::hsm
