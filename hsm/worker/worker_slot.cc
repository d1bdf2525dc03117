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
  orders.has_late_start = EndLateStarts(now);
  ReplaceEnded(now, orders);
  WatchHang(now, orders);
  PromoteSuccessor(now, orders);
  if (!current_ && now >= next_start_) {
    orders.start = next_reason_;
  } else if (is_ready() && wanted_ && !successor_ && now >= next_start_) {
    orders.start = wanted_;
  }
  return orders;
}

void WorkerSlot::Install(std::shared_ptr<TokenWorker> worker) {
  if (current_) wanted_.reset();
  (current_ ? successor_ : current_) = std::move(worker);
}

bool WorkerSlot::EndLateStarts(Clock::time_point now) {
  bool found = false;
  for (const auto& worker : {current_, successor_}) {
    if (worker && worker->state() == State::kStarting &&
        now > worker->started() + settings_.start_timeout) {
      worker->set_state(State::kEnding);
      found = true;
    }
  }
  return found;
}

void WorkerSlot::ReplaceEnded(Clock::time_point now, Orders& orders) {
  if (successor_ && successor_->state() == State::kEnding) {
    orders.bury.push_back(std::exchange(successor_, nullptr));
    next_start_ = now + backoff_.Next();
  }
  if (!current_) return;
  if (current_->state() != State::kEnding) return;
  if (now > current_->started() + kHealthyAfter && current_->has_served()) backoff_.Reset();
  NoteReason(current_->is_sick() ? StartReason::kSick : StartReason::kExited);
  orders.bury.push_back(std::exchange(current_, std::exchange(successor_, nullptr)));
  if (!current_) next_start_ = now + backoff_.Next();
}

bool WorkerSlot::IsStuck(Clock::time_point now) const {
  return current_ && current_->first_miss() &&
         now >= *current_->first_miss() + settings_.hang_limit;
}

void WorkerSlot::WatchHang(Clock::time_point now, Orders& orders) {
  if (!IsStuck(now) || successor_ || now < next_start_) return;
  if (current_->state() == State::kHung) {
    // Nothing is to be expected of it: the successor starts while it is buried.
    orders.hung = current_;
    orders.bury.push_back(std::exchange(current_, nullptr));
    NoteReason(StartReason::kHung);
    next_start_ = now;
  } else {
    // One session is stuck and others serve: the successor must be ready first.
    orders.start = StartReason::kHung;
  }
}

void WorkerSlot::PromoteSuccessor(Clock::time_point now, Orders& orders) {
  if (!current_ || !successor_ || successor_->state() != State::kReady) return;
  if (IsStuck(now)) orders.hung = current_;
  orders.bury.push_back(std::exchange(current_, std::exchange(successor_, nullptr)));
}

// An isolation worker is started for what it isolates, whatever ended the one before it.
void WorkerSlot::NoteReason(StartReason reason) {
  next_reason_ = first_reason_ == StartReason::kIsolation ? first_reason_ : reason;
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
