// SPDX-License-Identifier: Apache-2.0
#include "server/pending_calls.h"

#include <memory>
#include <vector>

#include "server/pending_call.h"

namespace mortise::server {

void PendingCalls::OnOffered() {
  const std::lock_guard lock(mutex_);
  ++alive_;
}

bool PendingCalls::OnBegun(PendingCall* call) {
  const std::lock_guard lock(mutex_);
  if (!is_stopping_) unanswered_.insert(call);
  return !is_stopping_;
}

void PendingCalls::OnAnswered(PendingCall* call) {
  const std::lock_guard lock(mutex_);
  unanswered_.erase(call);
  if (is_stopping_ && unanswered_.empty()) changed_.notify_all();
}

void PendingCalls::OnGone() {
  const std::lock_guard lock(mutex_);
  --alive_;
  if (is_stopping_ && alive_ == 0) changed_.notify_all();
}

void PendingCalls::EndAll(Deadline deadline) {
  std::vector<std::shared_ptr<CallState>> left;
  {
    std::unique_lock lock(mutex_);
    is_stopping_ = true;
    changed_.wait_until(lock, deadline, [this] { return unanswered_.empty(); });
    for (const PendingCall* call : unanswered_) left.push_back(call->state());
  }
  for (const auto& state : left) {
    state->is_cancelled = true;
    if (PendingCall* call = state->Claim()) {
      call->Fail(Reason::kUnavailable,
                 {grpc::StatusCode::UNAVAILABLE, "the plugin stopped before the token answered"},
                 "stopped while the request was in flight");
    }
  }
}

void PendingCalls::WaitUntilGone() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return alive_ == 0; });
}

}  // namespace mortise::server
