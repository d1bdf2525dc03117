// SPDX-License-Identifier: Apache-2.0
#include "server/pending_call.h"

#include <grpcpp/server_context.h>

#include <utility>
#include <vector>

#include "server/status_map.h"

namespace mortise::server {

PendingCall::PendingCall(CallOrigin origin, PendingCalls& calls)
    : origin_(std::move(origin)), calls_(calls) {
  state_->call = this;
  for (RequestObserver* observer : *origin_.observers) {
    observer->OnRequestStart(origin_.keyring, origin_.method);
  }
  if (!calls_.Add(this) && state_->Claim() != nullptr) {
    Fail(Reason::kUnavailable, {grpc::StatusCode::UNAVAILABLE, "the plugin is stopping"},
         "stopping");
  }
}

void PendingCall::Succeed(std::string_view key_id) {
  Observe({.code = Name(grpc::StatusCode::OK), .key_id = key_id});
  Finish(grpc::Status::OK);
}

void PendingCall::Fail(Reason reason, const grpc::Status& status, std::string_view detail) {
  const std::string peer = origin_.peers->Describe(origin_.context->peer());
  Observe({.code_number = static_cast<std::size_t>(status.error_code()),
           .code = Name(status.error_code()),
           .failure = reason,
           .detail = detail,
           .key_id = origin_.key_id,
           .peer = peer});
  Finish(status);
}

void PendingCall::Fail(const Error& error) {
  Fail(error.reason(), ToStatus(error.reason()), error.what());
}

void PendingCall::Observe(RequestResult result) const {
  result.keyring = origin_.keyring;
  result.method = origin_.method;
  result.uid = origin_.uid;
  result.duration = Clock::now() - start_;
  for (RequestObserver* observer : *origin_.observers) observer->OnRequest(result);
}

void PendingCall::OnDone() {
  calls_.Remove(this);
  delete this;
}

bool PendingCalls::Add(PendingCall* call) {
  const std::lock_guard lock(mutex_);
  calls_.insert(call);
  return !is_stopping_;
}

void PendingCalls::Remove(PendingCall* call) {
  const std::lock_guard lock(mutex_);
  calls_.erase(call);
  if (is_stopping_ && calls_.empty()) emptied_.notify_all();
}

void PendingCalls::Stop(Deadline deadline) {
  std::vector<std::shared_ptr<CallState>> left;
  {
    std::unique_lock lock(mutex_);
    is_stopping_ = true;
    emptied_.wait_until(lock, deadline, [this] { return calls_.empty(); });
    for (const PendingCall* call : calls_) left.push_back(call->state());
  }
  for (const auto& state : left) {
    if (PendingCall* call = state->Claim()) {
      call->Fail(Reason::kUnavailable,
                 {grpc::StatusCode::UNAVAILABLE, "the plugin stopped before the token answered"},
                 "stopped while the request was in flight");
    }
    state->is_cancelled = true;
  }
  std::unique_lock lock(mutex_);
  emptied_.wait(lock, [this] { return calls_.empty(); });
}

}  // namespace mortise::server
