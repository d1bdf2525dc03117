// SPDX-License-Identifier: Apache-2.0
#include "hsm/wrap_budget.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

namespace mortise::hsm {
namespace {

constexpr auto kUnwrapsInterval = std::chrono::seconds(60);

Error LimitReached(const std::string& key_id, std::uint64_t limit) {
  return Error(Reason::kWrapLimit,
               key_id + ": this node has spent its wrapLimit of " + std::to_string(limit) +
                   " wraps under this KEK, which goes on unwrapping. Raise keyrings[].wrapLimit "
                   "if it is below 268435456; else the keyring needs its next generation, which "
                   "`key rotate` of a later release makes");
}

}  // namespace

WrapBudget::WrapBudget(const std::string& state_dir) : ledger_(state_dir) {
  try {
    const WrapTotals sum = ledger_.Sum();
    for (const auto& [key_id, wraps] : sum.wraps) counters_[key_id].node_total = wraps;
    last_unwraps_ = sum.last_unwraps;
  } catch (const Error&) {
    // The first reservation meets the same damage and says so.
  }
}

WrapBudget::~WrapBudget() {
  WriteLastUnwraps();
}

bool WrapBudget::Spend(std::string_view key_id, std::uint64_t limit) {
  const std::lock_guard lock(mutex_);
  Counter& counter = CounterOf(key_id, limit);
  if (counter.available > 0) {
    --counter.available;
    ++counter.spent;
    return true;
  }
  counter.is_wanted = true;
  if (counter.failure) throw *counter.failure;  // the next Maintain tries again, in its time
  is_hurried_ = true;
  has_need_.notify_one();
  return false;
}

bool WrapBudget::IsRefilling(std::string_view key_id) const {
  const std::lock_guard lock(mutex_);
  const auto found = counters_.find(key_id);
  return found != counters_.end() && found->second.is_wanted && !found->second.failure;
}

void WrapBudget::AwaitNeed(const std::stop_token& stop, Clock::duration limit) {
  std::unique_lock lock(mutex_);
  has_need_.wait_for(lock, stop, limit, [this] { return is_hurried_; });
}

void WrapBudget::Prepare(std::string_view key_id, std::uint64_t limit) {
  const std::lock_guard disk_lock(disk_mutex_);
  {
    const std::lock_guard lock(mutex_);
    if (CounterOf(key_id, limit).available > 0) return;
  }
  Refill(std::string(key_id), kBlock, limit);
  const std::lock_guard lock(mutex_);
  Counter& counter = CounterOf(key_id, limit);
  if (counter.available == 0 && counter.failure) throw *counter.failure;
}

void WrapBudget::NoteUnwrap(std::string_view key_id, WallTime now) {
  const std::lock_guard lock(mutex_);
  has_unwritten_unwraps_ = true;
  const auto found = last_unwraps_.find(key_id);
  if (found == last_unwraps_.end()) {
    last_unwraps_.emplace(key_id, now);
  } else {
    found->second = std::max(found->second, now);
  }
}

void WrapBudget::Maintain(Clock::time_point now) {
  struct Need {
    std::string key_id;
    std::uint64_t wraps;
    std::uint64_t limit;
  };
  std::vector<Need> needs;
  bool is_time_for_unwraps = false;
  {
    const std::lock_guard lock(mutex_);
    is_hurried_ = false;
    for (auto& [key_id, counter] : counters_) {
      // Two intervals' worth, in case the next call comes late.
      const std::uint64_t ahead = std::max(kBlock / 2, 2 * std::exchange(counter.spent, 0));
      const bool is_in_use = counter.limit > 0 && counter.node_total < counter.limit;
      if (!counter.is_wanted && (!is_in_use || counter.available > ahead)) continue;
      needs.push_back({key_id, (ahead + kBlock - 1) / kBlock * kBlock, counter.limit});
    }
    is_time_for_unwraps = has_unwritten_unwraps_ &&
                          (!unwraps_written_at_ || now - *unwraps_written_at_ >= kUnwrapsInterval);
    if (is_time_for_unwraps) unwraps_written_at_ = now;
  }
  for (const Need& need : needs) {
    const std::lock_guard disk_lock(disk_mutex_);
    Refill(need.key_id, need.wraps, need.limit);
  }
  if (is_time_for_unwraps) WriteLastUnwraps();
}

WrapUse WrapBudget::Use(std::string_view key_id) const {
  const std::lock_guard lock(mutex_);
  WrapUse use;
  const auto counter = counters_.find(key_id);
  if (counter != counters_.end()) use.wraps = counter->second.node_total;
  const auto last_unwrap = last_unwraps_.find(key_id);
  if (last_unwrap != last_unwraps_.end()) use.last_unwrap = last_unwrap->second;
  return use;
}

WrapBudget::Counter& WrapBudget::CounterOf(std::string_view key_id, std::uint64_t limit) {
  auto found = counters_.find(key_id);
  if (found == counters_.end()) found = counters_.emplace(key_id, Counter{}).first;
  found->second.limit = limit;
  return found->second;
}

// disk_mutex_ is held. Leaves a failure in the counter instead of throwing it.
void WrapBudget::Refill(const std::string& key_id, std::uint64_t wanted, std::uint64_t limit) {
  try {
    // A result of its own, used only here: g++ 12 at -O2 was seen to leave garbage in one
    // that had been initialised before the call that threw.
    const WrapLedger::Reservation reservation = ledger_.Reserve(key_id, wanted, limit);
    const std::lock_guard lock(mutex_);
    Counter& counter = CounterOf(key_id, limit);
    counter.available += reservation.granted;
    counter.node_total = std::max(counter.node_total, reservation.node_total);
    counter.failure.reset();
    counter.is_wanted = false;
    if (reservation.granted == 0) counter.failure = LimitReached(key_id, limit);
  } catch (const Error& error) {
    const std::lock_guard lock(mutex_);
    Counter& counter = CounterOf(key_id, limit);
    counter.failure = error;
    counter.is_wanted = false;
  }
}

void WrapBudget::WriteLastUnwraps() {
  const std::lock_guard disk_lock(disk_mutex_);
  std::map<std::string, WallTime, std::less<>> last_unwraps;
  {
    const std::lock_guard lock(mutex_);
    if (!has_unwritten_unwraps_) return;
    has_unwritten_unwraps_ = false;
    last_unwraps = last_unwraps_;
  }
  try {
    ledger_.WriteLastUnwraps(last_unwraps);
  } catch (const Error&) {  // an interval's knowledge of dates is lost, no more
    const std::lock_guard lock(mutex_);
    has_unwritten_unwraps_ = true;
  }
}

}  // namespace mortise::hsm
