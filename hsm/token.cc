// SPDX-License-Identifier: Apache-2.0
#include "hsm/token.h"

#include <algorithm>
#include <future>

#include "base/version.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;
using State = TokenWorker::State;

constexpr auto kShortestAttempt = 50ms;  // a request is sent again while this fits
constexpr auto kAnswerMargin = 100ms;    // kept back for the way home
constexpr auto kPoisonedFor = 10min;

// Half of what remains, so that a second attempt fits; bounded by the token's own limit.
Clock::duration AttemptLimit(const Operation& operation, Clock::time_point now,
                             Clock::duration longest) {
  const Clock::duration half = (operation.deadline - now - kAnswerMargin) / 2;
  return std::clamp<Clock::duration>(half, kShortestAttempt,
                                     std::max<Clock::duration>(longest, kShortestAttempt));
}

bool MaySendAgain(Reason reason) {
  return reason == Reason::kSessionLost || reason == Reason::kUnavailable;
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

Digest BlobDigest(const Operation& operation) {
  return Sha256().Add(operation.kek_bytes()).Add(operation.input).Finish();
}

}  // namespace

Token::Token(const config::Token& settings, Options options, const Launcher& launcher,
             Observer& observer)
    : settings_(settings),
      options_(std::move(options)),
      launcher_(launcher),
      observer_(observer),
      queue_(options_.queue_limit, options_.shares),
      isolation_(settings_, StartReason::kIsolation),
      suspects_(options_.queue_limit, options_.shares) {
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
      work.endings.push_back(
          {std::move(operation), Error(Reason::kUnavailable, "this process is stopping")});
    } else if (IsPoisoned(*operation)) {
      work.endings.push_back({std::move(operation), Error(Reason::kPoisoned,
                                                          "this ciphertext ended two workers; "
                                                          "it is refused for 10 minutes")});
    } else if (!queue_.PushBack(operation)) {
      work.endings.push_back(
          {std::move(operation),
           Error(Reason::kQueueFull, "too many requests wait for token " + name())});
    } else {
      Dispatch(now, work);
    }
  }
  Finish(std::move(work));
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

bool Token::IsPoisoned(const Operation& operation) {
  if (poisoned_.empty() || operation.kind != MessageKind::kUnwrap) return false;
  const Clock::time_point now = Clock::now();
  std::erase_if(poisoned_, [&](const auto& entry) { return entry.second < now; });
  return poisoned_.contains(BlobDigest(operation));
}

void Token::SendTo(const std::shared_ptr<TokenWorker>& worker, OperationPtr operation,
                   Clock::time_point now, Work& work) {
  const Clock::duration limit = operation->kind == MessageKind::kInventory
                                    ? Clock::duration(settings_.start_timeout)
                                    : AttemptLimit(*operation, now, settings_.operation_timeout);
  const RequestHead head = worker->Begin(operation, now, limit);
  work.sends.push_back({worker, {head, std::move(operation)}});
}

void Token::Dispatch(Clock::time_point now, Work& work) {
  while (queue_.size() > 0) {
    std::shared_ptr<TokenWorker> least;
    for (const WorkerSlot& slot : slots_) {
      const std::shared_ptr<TokenWorker>& worker = slot.current();
      if (worker && worker->has_room() && (!least || worker->in_flight() < least->in_flight()))
        least = worker;
    }
    if (!least) return;
    OperationPtr operation = queue_.PopFront();
    if (operation->is_cancelled()) {
      work.endings.push_back(
          {std::move(operation), Error(Reason::kCancelled, "the caller went away")});
    } else if (now >= operation->deadline) {
      work.endings.push_back({std::move(operation),
                              Error(Reason::kDeadline, "the caller's time ran out in the queue")});
    } else {
      SendTo(least, std::move(operation), now, work);
    }
  }
}

void Token::DispatchSuspects(Clock::time_point now, Work& work) {
  if (!isolation_.is_ready() || isolation_.current()->in_flight() > 0) return;
  if (OperationPtr operation = suspects_.PopFront()) {
    isolation_used_ = now;
    SendTo(isolation_.current(), std::move(operation), now, work);
  }
}

void Token::Requeue(OperationPtr operation, Clock::time_point now, Work& work) {
  if (operation->is_cancelled()) {
    work.endings.push_back(
        {std::move(operation), Error(Reason::kCancelled, "the caller went away")});
  } else if (operation->has_alternative || operation->deadline - now < kShortestAttempt) {
    work.endings.push_back(
        {std::move(operation),
         Error(Reason::kTimeout, "token " + name() + " did not answer in time")});
  } else if (operation->deaths > 0) {
    suspects_.PushFront(std::move(operation));
  } else {
    queue_.PushFront(std::move(operation));
  }
}

void Token::Suspect(OperationPtr operation, Work& work) {
  if (++operation->deaths < 2) {
    suspects_.PushFront(std::move(operation));
    return;
  }
  poisoned_[BlobDigest(*operation)] = Clock::now() + kPoisonedFor;
  work.events.push_back(
      {.severity = Severity::kError,
       .name = "request_poisoned",
       .message = "a request ended two workers; it is refused for 10 minutes. Keep the stored "
                  "object and ask the HSM's vendor about crashes of its library",
       .fields = {{"token", name()}}});
  work.endings.push_back(
      {std::move(operation), Error(Reason::kPoisoned, "this request ended two workers")});
}

void Token::Finish(Work work) {
  for (auto& [worker, send] : work.sends) {
    const auto& [head, operation] = send;
    if (worker->Send(head, *operation) != Channel::Sent::kWouldBlock)
      continue;  // gone: its reader tells
    const std::lock_guard lock(mutex_);
    worker->MarkSick();  // a healthy worker always has room; Tick buries it and what it held is
                         // sent again
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

void Token::OnMessage(TokenWorker& worker, const ReplyHead& head, std::string_view body) {
  switch (head.kind) {
    case MessageKind::kReply:
      return OnReply(worker, head, body);
    case MessageKind::kReady:
      return OnReady(worker, head, body);
    case MessageKind::kFailed:
      return OnFailed(worker, head, body);
    case MessageKind::kLoginBegins:
      return;
    case MessageKind::kSessions: {
      Work work;
      {
        const std::lock_guard lock(mutex_);
        worker.set_sessions(std::max<std::size_t>(worker.sessions(), head.sessions));
        Dispatch(Clock::now(), work);
      }
      return Finish(std::move(work));
    }
    default:
      break;
  }
  {
    const std::lock_guard lock(mutex_);
    worker.MarkSick();
  }
  observer_.OnEvent({.severity = Severity::kWarning,
                     .name = "worker_sick",
                     .message = "a worker asked to be replaced: " + std::string(body),
                     .fields = {{"token", name()},
                                {"reason", std::string(Name(head.reason))},
                                {"pid", std::to_string(worker.pid())}}});
}

void Token::OnReply(TokenWorker& worker, const ReplyHead& head, std::string_view body) {
  const Clock::time_point now = Clock::now();
  Work work;
  OperationPtr answered;
  std::optional<Error> error;
  {
    const std::lock_guard lock(mutex_);
    std::optional<TokenWorker::Answered> row = worker.Take(head);
    if (!row) {
      // A reply must never reach the wrong request: this worker is not believed again.
      worker.MarkSick();
      return;
    }
    answered = std::move(row->operation);
    if (head.failed != 0) error.emplace(head.reason, std::string(body), head.ckr);
    if (answered && error && MaySendAgain(error->reason()) && !answered->has_alternative &&
        answered->deadline - now >= kShortestAttempt) {
      Requeue(std::exchange(answered, nullptr), now, work);
    }
    Dispatch(now, work);
    DispatchSuspects(now, work);
  }
  Finish(std::move(work));
  if (answered) {
    Answer(answered, error ? &*error : nullptr, error ? std::string_view() : body,
           std::chrono::nanoseconds(head.token_ns));
  }
}

void Token::OnReady(TokenWorker& worker, const ReplyHead& head, std::string_view body) {
  Work work;
  Ready ready = Ready::Decode(body);
  Event event{.name = "worker_ready",
              .message = "a worker is logged in and serves",
              .fields = {{"token", name()},
                         {"pid", std::to_string(worker.pid())},
                         {"model", ready.model},
                         {"serial", ready.serial},
                         {"firmware", ready.firmware},
                         {"library", ready.library}}};
  {
    const std::lock_guard lock(mutex_);
    if (worker.state() != State::kStarting) return;
    worker.set_state(State::kReady);
    worker.set_sessions(std::max<std::size_t>(1, head.sessions));
    description_ = std::move(ready);
    problem_.clear();
    is_ready_ = AnyReady();
    Dispatch(Clock::now(), work);
    DispatchSuspects(Clock::now(), work);
  }
  has_been_ready_ = true;
  ready_changed_.notify_all();
  Finish(std::move(work));
  observer_.OnEvent(event);
}

void Token::OnFailed(TokenWorker& worker, const ReplyHead& head, std::string_view body) {
  has_failed_start_ = true;
  bool is_news = false;
  {
    const std::lock_guard lock(mutex_);
    worker.set_state(State::kEnding);
    is_news = problem_ != body;
    problem_ = body;
    problem_reason_ = head.reason;
  }
  if (!is_news) return;  // said once, not every ten seconds
  observer_.OnEvent({.severity = Severity::kError,
                     .name = head.reason == Reason::kPinRejected ? "pin_rejected" : "worker_failed",
                     .message = "a worker could not start: " + std::string(body),
                     .fields = {{"token", name()}, {"reason", std::string(Name(head.reason))}}});
}

void Token::OnGone(TokenWorker& worker) {
  Work work;
  bool ended_by_itself = false;
  {
    const std::lock_guard lock(mutex_);
    const bool was_serving = worker.state() == State::kReady || worker.state() == State::kHung;
    ended_by_itself = !worker.was_killed() && was_serving;
    if (!worker.was_killed() && worker.state() == State::kStarting) {
      problem_ =
          "the worker ended while it started; the module may have crashed, see the system's log";
      problem_reason_ = Reason::kNoWorker;
    }
    worker.set_state(State::kEnding);
    is_ready_ = AnyReady();
    for (OperationPtr& operation : worker.TakeAll()) {
      if (ended_by_itself) {
        Suspect(std::move(operation), work);
      } else {
        Requeue(std::move(operation), Clock::now(), work);
      }
    }
  }
  if (ended_by_itself) {
    work.events.push_back({.severity = Severity::kWarning,
                           .name = "worker_exited",
                           .message = "a worker ended by itself; another is started",
                           .fields = {{"token", name()}, {"pid", std::to_string(worker.pid())}}});
  }
  Finish(std::move(work));
}

}  // namespace mortise::hsm
