// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "hsm/observer.h"
#include "hsm/worker/operation_queue.h"

namespace mortise::hsm {

// A request is sent again while an attempt of this length fits.
inline constexpr std::chrono::milliseconds kShortestAttempt{50};

// An operation that is over without an answer, and why.
struct Ending {
  OperationPtr operation;
  Error error;
};

// What the owner of a lock tells once it is released.
struct Aftermath {
  std::vector<Ending> endings;
  std::vector<Event> events;
};

// The operations of one token that wait for a worker, and the judgement of what becomes
// of one whose attempt failed: it is sent again, or alone to a worker that may die of it,
// or it ends. Not thread-safe.
class Backlog {
 public:
  Backlog(std::string token, std::size_t limit, std::size_t shares);

  // A new operation waits, or ends at once: too many wait, or it is poisoned.
  void Add(OperationPtr operation, Clock::time_point now, Aftermath& after);

  // The next one that is worth sending; null when there is none.
  OperationPtr Next(Clock::time_point now, Aftermath& after);
  // The next one to be sent alone.
  OperationPtr NextSuspect() { return suspects_.PopFront(); }

  // An answer that another session or worker may better; else it is the caller's answer.
  static bool MayBetter(const Operation& operation, Reason reason, Clock::time_point now);

  // An attempt brought nothing. `cause` is what the caller hears if it was the last.
  void Retry(OperationPtr operation, const Error& cause, Clock::time_point now, Aftermath& after);

  // A worker ended by itself while it held this operation, perhaps of it.
  void Suspect(OperationPtr operation, Clock::time_point now, Aftermath& after);

  // Ends what is cancelled or late. `why_none` says why no worker is ready; null: one is.
  void Sweep(const Error* why_none, Clock::time_point now, Aftermath& after);
  void EndAll(const Error& error, Aftermath& after);

  bool empty() const { return queue_.size() == 0; }
  bool has_suspects() const { return suspects_.size() > 0; }
  std::size_t size() const { return queue_.size() + suspects_.size(); }

 private:
  bool IsPoisoned(const Operation& operation, Clock::time_point now);
  Error WorkerLost() const;

  const std::string token_;
  OperationQueue queue_;
  OperationQueue suspects_;
  std::map<Digest, Clock::time_point> poisoned_;  // until when a blob is refused
};

}  // namespace mortise::hsm
