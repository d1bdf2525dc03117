// SPDX-License-Identifier: Apache-2.0
#include "hsm/backlog.h"

#include <utility>

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;

constexpr auto kNoWorkerMargin = 200ms;  // kept back to answer before the caller gives up
constexpr auto kPoisonedFor = 10min;
constexpr std::uint16_t kMaxUnavailable = 4;

Digest BlobDigest(const Operation& operation) {
  return Sha256().Add(operation.kek_bytes()).Add(operation.input).Finish();
}

Error Cancelled() {
  return Error(Reason::kCancelled, "the caller went away");
}

// What a keyring asks for its own upkeep it asks again by itself, after a pause. Sent
// again at once, it would loop on a token that answers nothing right.
bool IsUpkeep(MessageKind kind) {
  return kind == MessageKind::kOpenCanary || kind == MessageKind::kMakeCanary ||
         kind == MessageKind::kSelfTest;
}

bool HasTimeLeft(const Operation& operation, Clock::time_point now) {
  return operation.deadline - now >= kShortestAttempt;
}

}  // namespace

Backlog::Backlog(std::string token, std::size_t limit, std::size_t shares)
    : token_(std::move(token)), queue_(limit, shares), suspects_(limit, shares) {}

void Backlog::Add(OperationPtr operation, Clock::time_point now, Aftermath& after) {
  if (IsPoisoned(*operation, now)) {
    after.endings.push_back({std::move(operation), Error(Reason::kPoisoned,
                                                         "this ciphertext ended two workers; it is "
                                                         "refused for 10 minutes")});
  } else if (!queue_.PushBack(operation)) {
    after.endings.push_back(
        {std::move(operation),
         Error(Reason::kQueueFull, "too many requests wait for token " + token_)});
  }
}

bool Backlog::IsPoisoned(const Operation& operation, Clock::time_point now) {
  if (poisoned_.empty() || operation.kind != MessageKind::kUnwrap) return false;
  std::erase_if(poisoned_, [&](const auto& entry) { return entry.second < now; });
  return poisoned_.contains(BlobDigest(operation));
}

OperationPtr Backlog::Next(Clock::time_point now, Aftermath& after) {
  while (OperationPtr operation = queue_.PopFront()) {
    if (operation->is_cancelled()) {
      after.endings.push_back({std::move(operation), Cancelled()});
    } else if (now >= operation->deadline) {
      after.endings.push_back({std::move(operation),
                               Error(Reason::kDeadline, "the caller's time ran out in the queue")});
    } else {
      return operation;
    }
  }
  return nullptr;
}

bool Backlog::MayBetter(const Operation& operation, Reason reason, Clock::time_point now) {
  // A worker that is to be replaced gets no more; another that answers the same soon has to
  // be believed.
  const bool may_pass = reason == Reason::kSessionLost ||
                        (reason == Reason::kUnavailable && operation.attempt < kMaxUnavailable);
  return may_pass && !operation.has_alternative && !IsUpkeep(operation.kind) &&
         HasTimeLeft(operation, now);
}

void Backlog::Retry(OperationPtr operation, const Error& cause, Clock::time_point now,
                    Aftermath& after) {
  if (operation->is_cancelled()) {
    after.endings.push_back({std::move(operation), Cancelled()});
  } else if (operation->has_alternative || IsUpkeep(operation->kind) ||
             !HasTimeLeft(*operation, now)) {
    after.endings.push_back({std::move(operation), cause});
  } else if (operation->deaths > 0) {
    suspects_.PushFront(std::move(operation));
  } else {
    queue_.PushFront(std::move(operation));
  }
}

void Backlog::Suspect(OperationPtr operation, Clock::time_point now, Aftermath& after) {
  if (++operation->deaths < 2) {
    if (HasTimeLeft(*operation, now)) {
      suspects_.PushFront(std::move(operation));
    } else {
      after.endings.push_back({std::move(operation), WorkerLost()});
    }
    return;
  }
  poisoned_[BlobDigest(*operation)] = now + kPoisonedFor;
  after.events.push_back(
      {.severity = Severity::kError,
       .name = "request_poisoned",
       .message = "a request ended two workers; it is refused for 10 minutes. Keep the stored "
                  "object and ask the HSM's vendor about crashes of its library",
       .fields = {{"token", token_}}});
  after.endings.push_back(
      {std::move(operation), Error(Reason::kPoisoned, "this request ended two workers")});
}

Error Backlog::WorkerLost() const {
  return Error(Reason::kWorkerLost, "a worker of token " + token_ +
                                        " ended while it held the request, and no other could "
                                        "answer it in time");
}

void Backlog::Sweep(const Error* why_none, Clock::time_point now, Aftermath& after) {
  const auto ended = [&](const Operation& operation) {
    return operation.is_cancelled() || now >= operation.deadline ||
           (why_none != nullptr && now >= operation.deadline - kNoWorkerMargin);
  };
  for (OperationPtr& operation : queue_.TakeIf(ended)) {
    Error error = operation->is_cancelled() ? Cancelled()
                  : why_none != nullptr
                      ? *why_none
                      : Error(Reason::kDeadline, "the caller's time ran out in the queue");
    after.endings.push_back({std::move(operation), std::move(error)});
  }
  for (OperationPtr& operation : suspects_.TakeIf(ended)) {
    Error error = operation->is_cancelled() ? Cancelled() : WorkerLost();
    after.endings.push_back({std::move(operation), std::move(error)});
  }
}

void Backlog::EndAll(const Error& error, Aftermath& after) {
  for (OperationQueue* queue : {&queue_, &suspects_}) {
    for (OperationPtr& operation : queue->TakeIf([](const Operation&) { return true; }))
      after.endings.push_back({std::move(operation), error});
  }
}

}  // namespace mortise::hsm
