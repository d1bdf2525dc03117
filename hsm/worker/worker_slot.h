// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "config/config.h"
#include "hsm/worker/backoff.h"
#include "hsm/worker/start_reason.h"
#include "hsm/worker/token_worker.h"

namespace mortise::hsm {

// One place for a worker process, and the rules by which its holder is replaced. Replace,
// never repair: whatever is wrong with a worker ends in a new one here.
//
//   empty ──start──▶ starting ──ready──▶ serving ──missed attempt, hangLimit──▶ successor
//     ▲                 │ failed, too slow   │ exited, sick                        │ ready
//     └────back-off─────┴────────────────────┴───────◀──old one is killed──────────┘
//
// Guarded by the token's lock; the supervisor's thread alone calls Tick.
class WorkerSlot {
 public:
  WorkerSlot(const config::Token& settings, StartReason first_reason)
      : settings_(settings), first_reason_(first_reason), next_reason_(first_reason) {}

  // What the slot wants done: a worker to be started (then Install it), workers to bury.
  struct Orders {
    std::optional<StartReason> start;
    std::vector<std::shared_ptr<TokenWorker>> bury;  // kill, then join outside the lock
    std::shared_ptr<TokenWorker> hung;               // of those, the one that stopped answering
    bool has_late_start = false;                     // and one that was not ready in time
  };
  Orders Tick(Clock::time_point now);
  void Install(std::shared_ptr<TokenWorker> worker);
  // The start itself failed (no fork, no descriptors): try again later.
  void StartFailed(Clock::time_point now) { next_start_ = now + backoff_.Next(); }

  // The next Tick starts a successor, which takes over when it is ready.
  void WantSuccessor(StartReason reason) { wanted_ = reason; }
  // Ends what is here, e.g. an isolation worker that has nothing to do.
  std::vector<std::shared_ptr<TokenWorker>> Clear();

  const std::shared_ptr<TokenWorker>& current() const { return current_; }
  std::vector<std::shared_ptr<TokenWorker>> workers() const;  // current and successor
  bool is_ready() const { return current_ && current_->state() == TokenWorker::State::kReady; }

 private:
  bool EndLateStarts(Clock::time_point now);
  void ReplaceEnded(Clock::time_point now, Orders& orders);
  bool IsStuck(Clock::time_point now) const;
  void WatchHang(Clock::time_point now, Orders& orders);
  void PromoteSuccessor(Clock::time_point now, Orders& orders);
  void NoteReason(StartReason reason);

  const config::Token& settings_;
  const StartReason first_reason_;
  std::shared_ptr<TokenWorker> current_;
  std::shared_ptr<TokenWorker> successor_;
  Backoff backoff_;
  Clock::time_point next_start_{};
  StartReason next_reason_;
  std::optional<StartReason> wanted_;  // a successor, for this reason
};

}  // namespace mortise::hsm
