// SPDX-License-Identifier: Apache-2.0
// What the workers of a token say, on their readers' threads: see token.h.
#include <algorithm>

#include "hsm/token.h"

namespace mortise::hsm {

using State = TokenWorker::State;

void Token::OnMessages(TokenWorker& worker, std::span<const TokenWorker::Message> messages) {
  bool has_replies = false;
  for (const TokenWorker::Message& message : messages) {
    if (message.head.kind == MessageKind::kReply) {
      has_replies = true;
    } else {
      OnNotice(worker, message);
    }
  }
  if (has_replies) OnReplies(worker, messages);
}

void Token::OnReplies(TokenWorker& worker, std::span<const TokenWorker::Message> messages) {
  // The worker gets its next requests before anything is done with its replies.
  std::array<std::optional<TokenWorker::Request>, TokenWorker::kBatch> requests;
  bool are_all_known = true;
  Work work;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < messages.size(); ++i) {
      if (messages[i].head.kind != MessageKind::kReply) continue;
      requests[i] = worker.Take(messages[i].head);
      are_all_known &= requests[i].has_value();
    }
    Dispatch(Clock::now(), work);
  }
  Finish(work);
  if (!are_all_known) Distrust(worker, Reason::kInternal, "its reply belongs to no request");
  for (std::size_t i = 0; i < messages.size(); ++i) {
    // Without an operation it was answered meanwhile.
    if (requests[i] && requests[i]->operation) OnReply(worker, *requests[i], messages[i]);
  }
}

void Token::OnReply(TokenWorker& worker, const TokenWorker::Request& request,
                    const TokenWorker::Message& reply) {
  const OperationPtr& operation = request.operation;
  const ReplyHead& head = reply.head;
  const bool is_its_own = request.Digest() == head.digest;
  std::optional<Error> error;
  if (!is_its_own) {
    // A reply must never reach the wrong request: this worker is not believed again.
    Distrust(worker, Reason::kInternal, "its reply is to another request");
    error.emplace(Reason::kWorkerLost, "a worker of token " + name() + " mistook the request");
  } else if (head.failed != 0) {
    error.emplace(head.reason, std::string(reply.body), head.ckr);
  }
  const Clock::time_point now = Clock::now();
  if (error && (!is_its_own || Backlog::MayBetter(*operation, error->reason(), now))) {
    Work work;
    {
      const std::lock_guard lock(mutex_);
      Retry(operation, *error, now, work);
      Dispatch(now, work);
    }
    return Finish(work);
  }
  Answer(operation, error ? &*error : nullptr, error ? std::string_view() : reply.body,
         std::chrono::nanoseconds(head.token_ns));
}

void Token::OnNotice(TokenWorker& worker, const TokenWorker::Message& notice) {
  switch (notice.head.kind) {
    case MessageKind::kReady:
      return OnReady(worker, notice);
    case MessageKind::kFailed:
      return OnFailed(worker, notice);
    case MessageKind::kLoginBegins: {
      const std::lock_guard lock(mutex_);
      return starts_.UnrecordedLoginBegins(worker.login());
    }
    case MessageKind::kSessions: {
      Work work;
      {
        const std::lock_guard lock(mutex_);
        worker.set_sessions(std::max<std::size_t>(worker.sessions(), notice.head.sessions));
        Dispatch(Clock::now(), work);
      }
      return Finish(work);
    }
    default:
      return Distrust(worker, notice.head.reason, std::string(notice.body));
  }
}

void Token::Distrust(TokenWorker& worker, Reason reason, const std::string& why) {
  {
    const std::lock_guard lock(mutex_);
    if (worker.is_sick()) return;  // said once
    worker.MarkSick();
  }
  observer_.OnEvent({.severity = Severity::kWarning,
                     .name = "worker_sick",
                     .message = "a worker must be replaced: " + why,
                     .fields = {{"token", name()},
                                {"reason", std::string(Name(reason))},
                                {"pid", std::to_string(worker.pid())}}});
}

void Token::OnReady(TokenWorker& worker, const TokenWorker::Message& notice) {
  Work work;
  Ready ready = Ready::Decode(notice.body);
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
    worker.set_sessions(std::max<std::size_t>(1, notice.head.sessions));
    starts_.Succeeded(std::move(ready));
    is_ready_ = AnyReady();
    Dispatch(Clock::now(), work);
  }
  ready_changed_.notify_all();
  Finish(work);
  observer_.OnEvent(event);
}

void Token::OnFailed(TokenWorker& worker, const TokenWorker::Message& notice) {
  std::optional<Event> event;
  {
    const std::lock_guard lock(mutex_);
    worker.set_state(State::kEnding);
    event = starts_.Failed(worker.login(),
                           Error(notice.head.reason, std::string(notice.body), notice.head.ckr));
  }
  if (event) observer_.OnEvent(*event);
}

void Token::OnGone(TokenWorker& worker) {
  const Clock::time_point now = Clock::now();
  const Error lost(Reason::kWorkerLost,
                   "a worker of token " + name() + " was replaced while it held the request");
  Work work;
  {
    const std::lock_guard lock(mutex_);
    const bool was_serving = worker.state() == State::kReady || worker.state() == State::kHung;
    const bool ended_by_itself = !worker.was_killed() && was_serving;
    if (!worker.was_killed() && worker.state() == State::kStarting) {
      NoteFailedStart("it ended without a word; the module may have crashed, see the system's log",
                      work);
    }
    worker.set_state(State::kEnding);
    is_ready_ = AnyReady();
    for (OperationPtr& operation : worker.TakeAll()) {
      if (ended_by_itself && !is_stopped_) {
        backlog_.Suspect(std::move(operation), now, work);
      } else {
        Retry(std::move(operation), lost, now, work);
      }
    }
    if (ended_by_itself) {
      work.events.push_back({.severity = Severity::kWarning,
                             .name = "worker_exited",
                             .message = "a worker ended by itself; another is started",
                             .fields = {{"token", name()}, {"pid", std::to_string(worker.pid())}}});
    }
  }
  Finish(work);
}

}  // namespace mortise::hsm
