// SPDX-License-Identifier: Apache-2.0
#include "server/pending_call.h"

#include <utility>

#include "server/status_map.h"

namespace mortise::server {

PendingCall::PendingCall(CallHome& home, Method method) : home_(home), method_(method) {
  home_.calls.OnOffered();
  rpc_.context.AsyncNotifyWhenDone(&ended_);
  home_.Request(*this);
}

void PendingCall::Take(void* tag, bool ok) {
  const auto* event = static_cast<Event*>(tag);
  (event->call->*event->take)(ok);
}

void PendingCall::OnArrived(bool ok) {
  if (!ok) {  // the server shut down, and there will be no other event
    home_.calls.OnGone();
    delete this;
    return;
  }
  start_ = Clock::now();
  for (RequestObserver* observer : home_.observers) {
    observer->OnRequestStart(home_.keyring, method_);
  }
  Offer(home_, method_);
  home_.Handle(*this);
}

bool PendingCall::Begin(std::string uid, std::string key_id) {
  uid_ = std::move(uid);
  key_id_ = std::move(key_id);
  state_->call = this;
  if (home_.calls.OnBegun(this)) return true;
  state_->Claim();
  Fail(Reason::kUnavailable, {grpc::StatusCode::UNAVAILABLE, "the plugin is stopping"}, "stopping");
  return false;
}

void PendingCall::Succeed(const grpc::ByteBuffer& answer, std::string_view key_id) {
  Observe({.code = Name(grpc::StatusCode::OK), .key_id = key_id});
  rpc_.writer.Finish(answer, grpc::Status::OK, &answered_);
}

void PendingCall::Fail(Reason reason, const grpc::Status& status, std::string_view detail) {
  const std::string peer = home_.peers.Describe(rpc_.context.peer());
  Observe({.code_number = static_cast<std::size_t>(status.error_code()),
           .code = Name(status.error_code()),
           .failure = reason,
           .detail = detail,
           .key_id = key_id_,
           .peer = peer});
  rpc_.writer.FinishWithError(status, &answered_);
}

void PendingCall::Fail(const Error& error) {
  Fail(error.reason(), ToStatus(error.reason()), error.what());
}

void PendingCall::Observe(RequestResult result) const {
  result.keyring = home_.keyring;
  result.method = method_;
  result.uid = uid_;
  result.duration = Clock::now() - start_;
  for (RequestObserver* observer : home_.observers) observer->OnRequest(result);
}

void PendingCall::OnAnswered(bool /*ok: false when the client was gone*/) {
  home_.calls.OnAnswered(this);
  LeaveAfterLastEvent();
}

void PendingCall::OnEnded(bool /*ok*/) {
  if (rpc_.context.IsCancelled()) state_->is_cancelled = true;
  LeaveAfterLastEvent();
}

void PendingCall::LeaveAfterLastEvent() {
  if (--events_left_ > 0) return;
  home_.calls.OnGone();
  delete this;
}

}  // namespace mortise::server
