// SPDX-License-Identifier: Apache-2.0
// What its users see of a token: see token.h.
#include "hsm/token.h"

#include <algorithm>
#include <future>

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;
using State = TokenWorker::State;

constexpr auto kAnswerMargin = 100ms;  // kept back for the way home

// Two wraps, each opened, four refusals with a new session each.
constexpr int kOperationsOfASelfTest = 12;

// Half of what remains, so that a second attempt fits; bounded by the token's own limit.
Clock::duration AttemptLimit(const Operation& operation, Clock::time_point now,
                             Clock::duration longest) {
  const Clock::duration half = (operation.deadline - now - kAnswerMargin) / 2;
  return std::clamp<Clock::duration>(half, kShortestAttempt,
                                     std::max<Clock::duration>(longest, kShortestAttempt));
}

Error Stopping() {
  return Error(Reason::kUnavailable, "this process is stopping");
}

OperationKind ObservedAs(const Operation& operation) {
  switch (operation.kind) {
    case MessageKind::kWrap:
    case MessageKind::kWrapAndProve:
      return OperationKind::kWrap;
    case MessageKind::kOpenCanary:
    case MessageKind::kMakeCanary:
      return OperationKind::kCanary;
    case MessageKind::kSelfTest:
      return OperationKind::kSelfTest;
    case MessageKind::kInventory:
      return OperationKind::kInventory;
    default:
      return OperationKind::kUnwrap;
  }
}

}  // namespace

Token::Token(const config::Token& settings, Options options, const Launcher& launcher,
             Observer& observer)
    : settings_(settings),
      options_(std::move(options)),
      launcher_(launcher),
      observer_(observer),
      backlog_(settings_.name, options_.queue_limit, options_.shares),
      starts_(settings_.name),
      isolation_(settings_, StartReason::kIsolation) {
  for (int i = 0; i < settings_.workers; ++i) slots_.emplace_back(settings_, StartReason::kFirst);
}

Token::~Token() {
  Stop();
}

void Token::Submit(OperationPtr operation) {
  const Clock::time_point now = Clock::now();
  operation->submitted = operation->dispatched = now;
  Work work;
  {
    const std::lock_guard lock(mutex_);
    if (is_stopped_) {
      work.endings.push_back({std::move(operation), Stopping()});
    } else {
      backlog_.Add(std::move(operation), now, work);
      Dispatch(now, work);
    }
  }
  Finish(work);
}

void Token::Retry(OperationPtr operation, const Error& cause, Clock::time_point now, Work& work) {
  if (is_stopped_) {
    work.endings.push_back({std::move(operation), Stopping()});
  } else {
    backlog_.Retry(std::move(operation), cause, now, work);
  }
}

std::string Token::Call(OperationPtr operation) {
  auto answer = std::make_shared<std::promise<std::string>>();
  std::future<std::string> future = answer->get_future();
  operation->done = [answer](const OperationReply& reply) {
    if (reply.error != nullptr) {
      answer->set_exception(std::make_exception_ptr(*reply.error));
    } else {
      answer->set_value(std::string(reply.body));
    }
  };
  Submit(std::move(operation));
  return future.get();
}

Clock::duration Token::TimeFor(MessageKind kind) const {
  switch (kind) {
    case MessageKind::kInventory:
      return settings_.start_timeout;
    case MessageKind::kSelfTest:
      return kOperationsOfASelfTest * settings_.operation_timeout;
    default:
      return settings_.operation_timeout;
  }
}

void Token::SendTo(const std::shared_ptr<TokenWorker>& worker, OperationPtr operation,
                   Clock::time_point now, Work& work) {
  const Clock::duration longest = TimeFor(operation->kind);
  // Only what may be sent again must leave time for that.
  const bool is_one_operation = longest <= settings_.operation_timeout;
  const Clock::duration limit = is_one_operation ? AttemptLimit(*operation, now, longest) : longest;
  work.sends.push_back({worker, worker->Begin(std::move(operation), now, limit)});
}

void Token::Dispatch(Clock::time_point now, Work& work) {
  while (!backlog_.empty()) {
    std::shared_ptr<TokenWorker> least;
    for (const WorkerSlot& slot : slots_) {
      const std::shared_ptr<TokenWorker>& worker = slot.current();
      if (worker && worker->has_room() && (!least || worker->in_flight() < least->in_flight()))
        least = worker;
    }
    if (!least) break;
    if (OperationPtr operation = backlog_.Next(now, work))
      SendTo(least, std::move(operation), now, work);
  }
  if (!backlog_.has_suspects() || !isolation_.is_ready() || isolation_.current()->in_flight() > 0)
    return;
  isolation_used_ = now;
  SendTo(isolation_.current(), backlog_.NextSuspect(), now, work);
}

void Token::Finish(Work& work) {
  // What goes to one worker goes with one system call.
  if (settings_.workers > 1 && work.sends.size() > 1) {
    std::ranges::stable_sort(work.sends, {}, [](const Work::Send& send) { return send.worker; });
  }
  std::array<const TokenWorker::Request*, TokenWorker::kBatch> batch;
  for (auto send = work.sends.begin(); send != work.sends.end();) {
    TokenWorker& worker = *send->worker;
    std::size_t size = 0;
    for (; send != work.sends.end() && send->worker.get() == &worker && size < batch.size(); ++send)
      batch[size++] = &send->request;
    if (worker.Send({batch.data(), size}) == Channel::Sent::kWouldBlock) {
      // A healthy worker always has room. Tick buries it, and what it held is sent again.
      Distrust(worker, Reason::kInternal, "it does not take its messages");
    }
  }
  for (const Ending& ending : work.endings) Answer(ending.operation, &ending.error, {}, {});
  for (const Event& event : work.events) observer_.OnEvent(event);
}

void Token::Answer(const OperationPtr& operation, const Error* error, std::string_view body,
                   std::chrono::nanoseconds token_time) {
  const OperationReply reply{.error = error,
                             .body = body,
                             .queue_wait = operation->dispatched - operation->submitted,
                             .token_time = token_time};
  OperationResult result{.token = settings_.name,
                         .kind = ObservedAs(*operation),
                         .failure = {},
                         .queue_wait = reply.queue_wait,
                         .token_time = token_time};
  if (error != nullptr) {
    result.failure = error->reason();
    result.ckr = error->ckr();
  }
  observer_.OnOperation(result);
  if (operation->done) operation->done(reply);
}

bool Token::AnyReady() const {
  return std::ranges::any_of(slots_, [](const WorkerSlot& slot) { return slot.is_ready(); });
}

std::vector<std::shared_ptr<TokenWorker>> Token::Workers() const {
  std::vector<std::shared_ptr<TokenWorker>> workers;
  for (const WorkerSlot& slot : slots_)
    std::ranges::move(slot.workers(), std::back_inserter(workers));
  std::ranges::move(isolation_.workers(), std::back_inserter(workers));
  return workers;
}

void Token::Respawn() {
  const std::lock_guard lock(mutex_);
  for (WorkerSlot& slot : slots_) slot.WantSuccessor(StartReason::kRescan);
}

void Token::Stop() {
  const Error stopping = Stopping();
  Work work;
  std::vector<std::shared_ptr<TokenWorker>> workers;
  {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
    backlog_.EndAll(stopping, work);
    for (const std::shared_ptr<TokenWorker>& worker : Workers()) {
      for (OperationPtr& operation : worker->TakeAll())
        work.endings.push_back({std::move(operation), stopping});
    }
    for (WorkerSlot& slot : slots_) std::ranges::move(slot.Clear(), std::back_inserter(workers));
    std::ranges::move(isolation_.Clear(), std::back_inserter(workers));
  }
  Finish(work);
  Bury(std::move(workers));
  ready_changed_.notify_all();
}

Token::Snapshot Token::Describe() const {
  const std::lock_guard lock(mutex_);
  Snapshot snapshot;
  snapshot.is_ready = AnyReady();
  snapshot.problem = starts_.problem();
  snapshot.problem_reason = starts_.problem_reason();
  snapshot.description = starts_.description();
  snapshot.queue_length = backlog_.size();
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
    return std::ranges::any_of(slots_, [&](const WorkerSlot& slot) {
      return slot.is_ready() && slot.current()->incarnation() > known;
    });
  });
}

}  // namespace mortise::hsm
