// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/worker_slot.h"

#include <utility>

namespace mortise::hsm {
namespace {

using State = TokenWorker::State;

// docs/adr/0007: a worker that has served this long was no failed start.
constexpr std::chrono::seconds kHealthyAfter{5};

}  // namespace

WorkerSlot::Orders WorkerSlot::Tick(Clock::time_point now) {
  Orders orders;
  WatchStart(now, orders);
  ReplaceEnded(now, orders);
  WatchHang(now, orders);
  PromoteSuccessor(orders);
  if (!current_ && now >= next_start_) {
    orders.start = next_reason_;
  } else if (is_ready() && wanted_ && !successor_ && now >= next_start_) {
    orders.start = std::exchange(wanted_, std::nullopt);
  }
  return orders;
}

void WorkerSlot::Install(std::shared_ptr<TokenWorker> worker) {
  (current_ ? successor_ : current_) = std::move(worker);
}

void WorkerSlot::WatchStart(Clock::time_point now, Orders&) {
  for (const auto& worker : {current_, successor_}) {
    if (worker && worker->state() == State::kStarting &&
        now > worker->started() + settings_.start_timeout) {
      worker->set_state(State::kEnding);
    }
  }
}

void WorkerSlot::ReplaceEnded(Clock::time_point now, Orders& orders) {
  if (successor_ && successor_->state() == State::kEnding) {
    orders.bury.push_back(std::exchange(successor_, nullptr));
    next_start_ = now + backoff_.Next();
  }
  if (!current_) return;
  if (current_->state() != State::kEnding) return;
  if (now > current_->started() + kHealthyAfter && current_->has_served()) backoff_.Reset();
  next_reason_ = current_->is_sick() ? StartReason::kSick : StartReason::kExited;
  orders.bury.push_back(std::exchange(current_, std::exchange(successor_, nullptr)));
  if (!current_) next_start_ = now + backoff_.Next();
}

void WorkerSlot::WatchHang(Clock::time_point now, Orders& orders) {
  if (!current_ || !current_->first_miss() || successor_) return;
  if (now < *current_->first_miss() + settings_.hang_limit || now < next_start_) return;
  if (current_->state() == State::kHung) {
    // Nothing is to be expected of it: the successor starts while it is buried.
    orders.bury.push_back(std::exchange(current_, nullptr));
    next_reason_ = StartReason::kHung;
    next_start_ = now;
  } else {
    // One session is stuck and others serve: the successor must be ready first.
    orders.start = StartReason::kHung;
  }
}

void WorkerSlot::PromoteSuccessor(Orders& orders) {
  if (!current_ || !successor_ || successor_->state() != State::kReady) return;
  orders.bury.push_back(std::exchange(current_, std::exchange(successor_, nullptr)));
}

std::vector<std::shared_ptr<TokenWorker>> WorkerSlot::workers() const {
  std::vector<std::shared_ptr<TokenWorker>> all;
  if (current_) all.push_back(current_);
  if (successor_) all.push_back(successor_);
  return all;
}

std::vector<std::shared_ptr<TokenWorker>> WorkerSlot::Clear() {
  std::vector<std::shared_ptr<TokenWorker>> all;
  if (current_) all.push_back(std::exchange(current_, nullptr));
  if (successor_) all.push_back(std::exchange(successor_, nullptr));
  return all;
}

}  // namespace mortise::hsm
