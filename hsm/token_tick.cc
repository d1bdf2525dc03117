// SPDX-License-Identifier: Apache-2.0
// The half of Token that time drives: see token.h.
#include <algorithm>

#include "base/version.h"
#include "hsm/token.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;
using State = TokenWorker::State;

constexpr auto kIsolationIdle = 30s;

}  // namespace

void Token::Tick(Clock::time_point now) {
  Work work;
  for (WorkerSlot& slot : slots_) TickSlot(slot, settings_.sessions, now, work);
  bool wants_isolation = false;
  std::vector<std::shared_ptr<TokenWorker>> idle;
  {
    const std::lock_guard lock(mutex_);
    wants_isolation = backlog_.has_suspects() || isolation_.current();
    const bool is_idle = !backlog_.has_suspects() && isolation_.is_ready() &&
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
  }
  Finish(work);
}

void Token::TickSlot(WorkerSlot& slot, int sessions, Clock::time_point now, Work& work) {
  WorkerSlot::Orders orders;
  {
    const std::lock_guard lock(mutex_);
    if (is_stopped_) return;
    orders = slot.Tick(now);
    if (orders.has_late_start) {
      NoteFailedStart(
          "it was not ready within startTimeout and is ended; look at the HSM, its "
          "network and its client's log",
          work);
    }
    if (orders.hung) {
      work.events.push_back(
          {.severity = Severity::kWarning,
           .name = "worker_hung",
           .message = "a worker stopped answering and is replaced; look at the HSM, its network "
                      "and its client's log",
           .fields = {{"token", name()}, {"pid", std::to_string(orders.hung->pid())}}});
    }
  }
  // The successor first: while the old one is buried, the new one already starts.
  if (orders.start) {
    const std::shared_ptr<TokenWorker> worker = StartWorker(*orders.start, sessions, work);
    const std::lock_guard lock(mutex_);
    if (worker) {
      slot.Install(worker);
    } else {
      slot.StartFailed(now);
    }
  }
  Bury(std::move(orders.bury));
}

void Token::NoteFailedStart(const std::string& why, Work& work) {
  if (std::optional<Event> event = starts_.Vanished(Error(Reason::kNoWorker, why)))
    work.events.push_back(std::move(*event));
}

std::shared_ptr<TokenWorker> Token::StartWorker(StartReason reason, int sessions, Work& work) {
  static std::atomic<std::uint64_t> incarnations{1};
  std::shared_ptr<TokenWorker> worker;
  try {
    worker = std::make_shared<TokenWorker>(
        launcher_.Launch(name(), settings_.environment), incarnations.fetch_add(1), sessions,
        TokenWorker::Listener{
            [this](TokenWorker& w, std::span<const TokenWorker::Message> messages) {
              OnMessages(w, messages);
            },
            [this](TokenWorker& w) { OnGone(w); }});
    observer_.OnWorkerStart(settings_.name, reason);
    StartingLogin login;
    {
      const std::lock_guard lock(mutex_);
      login = starts_.Begin(AnyStarts());
      worker->login() = login;
    }
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
        .unrecorded_login = login.unrecorded,
        .sessions = static_cast<std::uint16_t>(sessions),
        .iv_mode = settings_.iv_mode,
    });
  } catch (const std::exception& error) {
    // No process, or no thread to read what it says.
    if (worker) Bury({worker});
    const std::lock_guard lock(mutex_);
    NoteFailedStart(error.what(), work);
    return nullptr;
  }
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

bool Token::AnyStarts() const {
  return std::ranges::any_of(
      Workers(), [](const auto& worker) { return worker->state() == State::kStarting; });
}

void Token::Sweep(Clock::time_point now, Work& work) {
  if (AnyReady()) {
    backlog_.Sweep(nullptr, now, work);
  } else {
    const Error why_none = starts_.WhyNone();
    backlog_.Sweep(&why_none, now, work);
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
      work.sends.push_back({worker, worker->BeginCheck(check, now, settings_.operation_timeout)});
    }
    backlog_.Retry(std::move(operation),
                   Error(Reason::kTimeout, "token " + name() + " did not answer in time"), now,
                   work);
  }
}

}  // namespace mortise::hsm
