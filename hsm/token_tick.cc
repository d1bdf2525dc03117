// SPDX-License-Identifier: Apache-2.0
// The half of Token that time drives: see token.h.
#include <algorithm>

#include "base/version.h"
#include "hsm/token.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;
using State = TokenWorker::State;

constexpr auto kNoWorkerMargin = 200ms;
constexpr auto kIsolationIdle = 30s;

}  // namespace

void Token::Tick(Clock::time_point now) {
  Work work;
  for (WorkerSlot& slot : slots_) TickSlot(slot, settings_.sessions, now, work);
  bool wants_isolation = false;
  std::vector<std::shared_ptr<TokenWorker>> idle;
  {
    const std::lock_guard lock(mutex_);
    wants_isolation = suspects_.size() > 0 || isolation_.current();
    const bool is_idle = suspects_.size() == 0 && isolation_.is_ready() &&
                         isolation_.current()->in_flight() == 0 &&
                         now > isolation_used_ + kIsolationIdle &&
                         now > isolation_.current()->started() + kIsolationIdle;
    if (is_idle) idle = isolation_.Clear();
  }
  Bury(std::move(idle));  // also reaps those of earlier ticks
  if (wants_isolation) TickSlot(isolation_, 1, now, work);
  {
    const std::lock_guard lock(mutex_);
    is_ready_ = AnyReady();
    Sweep(now, work);
    Dispatch(now, work);
    DispatchSuspects(now, work);
  }
  Finish(std::move(work));
}

void Token::TickSlot(WorkerSlot& slot, int sessions, Clock::time_point now, Work& work) {
  WorkerSlot::Orders orders;
  {
    const std::lock_guard lock(mutex_);
    if (is_stopped_) return;
    orders = slot.Tick(now);
    for (const std::shared_ptr<TokenWorker>& worker : orders.bury) {
      if (worker->first_miss()) {
        work.events.push_back(
            {.severity = Severity::kWarning,
             .name = "worker_hung",
             .message = "a worker stopped answering and is replaced; look at the HSM, its network "
                        "and its client's log",
             .fields = {{"token", name()}, {"pid", std::to_string(worker->pid())}}});
      }
    }
  }
  // The successor first: while the old one is buried, the new one already starts.
  if (orders.start) {
    const std::shared_ptr<TokenWorker> worker = StartWorker(*orders.start, sessions);
    const std::lock_guard lock(mutex_);
    if (worker) {
      slot.Install(worker);
    } else {
      slot.StartFailed(now);
    }
  }
  Bury(std::move(orders.bury));
}

std::shared_ptr<TokenWorker> Token::StartWorker(StartReason reason, int sessions) {
  LaunchedWorker process;
  try {
    process = launcher_.Launch(name(), settings_.environment);
  } catch (const Error& error) {
    observer_.OnEvent({.severity = Severity::kError,
                       .name = "worker_failed",
                       .message = error.what(),
                       .fields = {{"token", name()}}});
    return nullptr;
  }
  observer_.OnWorkerStart(settings_.name, reason);
  static std::atomic<std::uint64_t> incarnations{1};
  auto worker = std::make_shared<TokenWorker>(
      std::move(process), incarnations.fetch_add(1), sessions,
      TokenWorker::Listener{[this](TokenWorker& w, const ReplyHead& head, std::string_view body) {
                              OnMessage(w, head, body);
                            },
                            [this](TokenWorker& w) { OnGone(w); }});
  const bool pin_is_unproved = has_failed_start_ && !has_been_ready_;
  worker->Start({
      .build_id = std::string(BuildId()),
      .token_name = settings_.name,
      .module = settings_.module,
      .uri = settings_.uri,
      .pin_file = settings_.pin_file,
      .user_type = settings_.user_type,
      .init_args = settings_.init_args,
      .state_dir = options_.state_dir,
      .login = settings_.login == config::Login::kPin,
      .read_write_sessions = settings_.read_write_sessions,
      .may_log_in_unrecorded = !pin_is_unproved,
      .sessions = static_cast<std::uint16_t>(sessions),
  });
  return worker;
}

void Token::Bury(std::vector<std::shared_ptr<TokenWorker>> workers) {
  for (std::shared_ptr<TokenWorker>& worker : workers) {
    {
      const std::lock_guard lock(mutex_);
      worker->Kill();
    }
    worker->JoinReader();  // its OnGone hands back what the worker held
    buried_.push_back(std::move(worker));
  }
  std::erase_if(buried_, [](const std::shared_ptr<TokenWorker>& worker) { return worker->Reap(); });
}

void Token::Sweep(Clock::time_point now, Work& work) {
  const bool any_ready = AnyReady();
  const auto ended = [&](const Operation& operation) {
    return operation.is_cancelled() || now >= operation.deadline ||
           (!any_ready && now >= operation.deadline - kNoWorkerMargin);
  };
  for (OperationQueue* queue : {&queue_, &suspects_}) {
    for (OperationPtr& operation : queue->TakeIf(ended)) {
      Error error = operation->is_cancelled() ? Error(Reason::kCancelled, "the caller went away")
                    : any_ready ? Error(Reason::kDeadline, "the caller's time ran out in the queue")
                                : Error(problem_.empty() ? Reason::kNoWorker : problem_reason_,
                                        "no worker of token " + name() + " came up in time" +
                                            (problem_.empty() ? "" : ": " + problem_));
      work.endings.push_back({std::move(operation), std::move(error)});
    }
  }
  for (const std::shared_ptr<TokenWorker>& worker : Workers()) SweepWorker(worker, now, work);
}

void Token::SweepWorker(const std::shared_ptr<TokenWorker>& worker, Clock::time_point now,
                        Work& work) {
  const auto ended = [&](const Operation& operation) {
    return operation.is_cancelled() || now >= operation.deadline;
  };
  for (OperationPtr& operation : worker->TakeIf(ended)) {
    Error error =
        operation->is_cancelled()
            ? Error(Reason::kCancelled, "the caller went away")
            : Error(Reason::kDeadline, "the caller's time ran out while the token worked");
    work.endings.push_back({std::move(operation), std::move(error)});
  }
  for (OperationPtr& operation : worker->TakeMissed(now)) {
    if (operation->kek && worker->wants_check()) {
      auto check = std::make_shared<Operation>();
      check->kind = MessageKind::kOpenCanary;
      check->kek = operation->kek;
      check->deadline = now + settings_.operation_timeout;
      const RequestHead head = worker->BeginCheck(check, now, settings_.operation_timeout);
      work.sends.push_back({worker, {head, std::move(check)}});
    }
    Requeue(std::move(operation), now, work);
  }
}

bool Token::AnyReady() const {
  return std::any_of(slots_.begin(), slots_.end(),
                     [](const WorkerSlot& slot) { return slot.is_ready(); });
}

std::vector<std::shared_ptr<TokenWorker>> Token::Workers() const {
  std::vector<std::shared_ptr<TokenWorker>> workers;
  for (const WorkerSlot& slot : slots_) {
    for (const auto& worker : slot.workers()) workers.push_back(worker);
  }
  for (const auto& worker : isolation_.workers()) workers.push_back(worker);
  return workers;
}

void Token::Respawn() {
  const std::lock_guard lock(mutex_);
  for (WorkerSlot& slot : slots_) slot.WantSuccessor(StartReason::kRescan);
}

void Token::Stop() {
  Work work;
  std::vector<std::shared_ptr<TokenWorker>> workers;
  {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
    for (OperationQueue* queue : {&queue_, &suspects_}) {
      for (OperationPtr& operation : queue->TakeIf([](const Operation&) { return true; })) {
        work.endings.push_back(
            {std::move(operation), Error(Reason::kUnavailable, "this process is stopping")});
      }
    }
    for (const std::shared_ptr<TokenWorker>& worker : Workers()) {
      for (OperationPtr& operation : worker->TakeAll()) {
        work.endings.push_back(
            {std::move(operation), Error(Reason::kUnavailable, "this process is stopping")});
      }
    }
    for (WorkerSlot& slot : slots_) std::ranges::move(slot.Clear(), std::back_inserter(workers));
    std::ranges::move(isolation_.Clear(), std::back_inserter(workers));
  }
  Finish(std::move(work));
  Bury(std::move(workers));
  ready_changed_.notify_all();
}

Token::Snapshot Token::Describe() const {
  const std::lock_guard lock(mutex_);
  Snapshot snapshot;
  snapshot.is_ready = AnyReady();
  snapshot.problem = problem_;
  snapshot.problem_reason = problem_reason_;
  snapshot.description = description_;
  snapshot.queue_length = queue_.size() + suspects_.size();
  for (const std::shared_ptr<TokenWorker>& worker : Workers()) {
    snapshot.worker_pids.push_back(worker->pid());
    if (worker->state() != State::kReady) continue;
    snapshot.sessions += static_cast<int>(worker->sessions());
    snapshot.incarnation = std::max(snapshot.incarnation, worker->incarnation());
  }
  return snapshot;
}

bool Token::WaitUntilReady(std::uint64_t known, Deadline deadline) const {
  std::unique_lock lock(mutex_);
  return ready_changed_.wait_until(lock, deadline, [&] {
    if (is_stopped_) return true;
    return std::any_of(slots_.begin(), slots_.end(), [&](const WorkerSlot& slot) {
      return slot.is_ready() && slot.current()->incarnation() > known;
    });
  });
}

}  // namespace mortise::hsm
