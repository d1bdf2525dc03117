// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "hsm/wrap_ledger.h"

namespace mortise::hsm {

struct WrapUse {
  std::uint64_t wraps = 0;  // reserved on this node, over restarts and processes
  std::optional<WallTime> last_unwrap;
};

// Counts wraps before they are made, over restarts (wrapLimit): they are reserved on disk in
// blocks of 4,096 and then spent from memory; a restart forfeits the rest of a block. Also keeps
// when each KEK last unwrapped. Thread-safe.
//
// Spend takes a short lock and never touches the disk, so that the thread that answers all
// calls may make it. Prepare, when a KEK becomes active, and Maintain do the writing: the
// latter reserves the next block when the current one is half spent, and as many as the rate
// asks for. Should memory run dry all the same, Spend wakes Maintain's thread, and the call
// has to wait.
class WrapBudget {
 public:
  static constexpr std::uint64_t kBlock = 4096;

  // Reads what is there. A folder that cannot be read or written shows in Spend, not here.
  explicit WrapBudget(const std::string& state_dir);
  ~WrapBudget();  // writes the last unwraps, if it can

  // Before each wrap of a seed. False: nothing is left, and it is to be asked again once
  // IsRefilling has ended. Throws Error(kWrapLimit) when this node has spent `limit` wraps of
  // the KEK, Error(kStateUnusable) when nothing is left and the last reservation could not be
  // made durable.
  bool Spend(std::string_view key_id, std::uint64_t limit);
  bool IsRefilling(std::string_view key_id) const;

  // Reserves the first block; throws as Spend does. May wait for the disk.
  void Prepare(std::string_view key_id, std::uint64_t limit);

  // After an unwrap. Cheap; it is written at most every 60 s, and at the end.
  void NoteUnwrap(std::string_view key_id, WallTime now);

  // From the maintenance thread, each time that AwaitNeed returns. Does not throw: what went
  // wrong is Spend's to say, once nothing is left to spend.
  void Maintain(Clock::time_point now);
  // Waits until a Spend found nothing left, at most `limit`, which is about a second.
  void AwaitNeed(const std::stop_token& stop, Clock::duration limit);

  WrapUse Use(std::string_view key_id) const;

 private:
  struct Counter {
    std::uint64_t limit = 0;
    std::uint64_t available = 0;   // reserved and not yet spent
    std::uint64_t spent = 0;       // since Maintain ran last
    std::uint64_t node_total = 0;  // when a block was reserved last
    std::optional<Error> failure;  // of the last reservation
    bool is_wanted = false;        // a Spend found nothing left since then
  };

  void Refill(const std::string& key_id, std::uint64_t wanted, std::uint64_t limit);
  Counter& CounterOf(std::string_view key_id, std::uint64_t limit);
  void WriteLastUnwraps();

  // Held over disk work, and taken before mutex_; guards ledger_.
  std::mutex disk_mutex_;
  WrapLedger ledger_;

  mutable std::mutex mutex_;
  std::condition_variable_any has_need_;
  bool is_hurried_ = false;                                    // guarded by mutex_
  std::map<std::string, Counter, std::less<>> counters_;       // guarded by mutex_
  std::map<std::string, WallTime, std::less<>> last_unwraps_;  // guarded by mutex_
  bool has_unwritten_unwraps_ = false;                         // guarded by mutex_
  std::optional<Clock::time_point> unwraps_written_at_;        // guarded by mutex_
};

}  // namespace mortise::hsm
