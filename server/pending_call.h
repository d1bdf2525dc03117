// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>

#include "base/clock.h"
#include "base/error.h"
#include "server/peer_table.h"
#include "server/request_observer.h"

namespace mortise::server {

class PendingCall;

// The part of a call that a completion may hold after the call was ended by a stop.
// Whoever claims the call answers it; everyone later gets nothing.
struct CallState {
  std::atomic<PendingCall*> call{nullptr};
  std::atomic<bool> is_cancelled{false};

  PendingCall* Claim() { return call.exchange(nullptr); }
};

// The calls in flight of one server.
class PendingCalls {
 public:
  // False once Stop has begun; the call must then be failed at once.
  bool Add(PendingCall* call);
  void Remove(PendingCall* call);
  // Waits until none is left or `deadline`, ends the rest UNAVAILABLE and waits for them.
  void Stop(Deadline deadline);

 private:
  std::mutex mutex_;
  std::condition_variable emptied_;
  bool is_stopping_ = false;                // guarded by mutex_
  std::unordered_set<PendingCall*> calls_;  // guarded by mutex_
};

// What a call is known by. Context, peers and observers live longer than the call.
struct CallOrigin {
  Method method = Method::kStatus;
  std::string_view keyring;
  std::string uid;
  std::string key_id;
  const grpc::CallbackServerContext* context = nullptr;
  const PeerTable* peers = nullptr;
  const RequestObservers* observers = nullptr;
};

// One RPC between its arrival and the end of its answer. It deletes itself.
class PendingCall final : public grpc::ServerUnaryReactor {
 public:
  PendingCall(CallOrigin origin, PendingCalls& calls);

  const std::shared_ptr<CallState>& state() const { return state_; }
  const std::string& key_id() const { return origin_.key_id; }  // as the client named it

  // Each ends the call; only who claimed it may. `detail` is for the log alone.
  void Succeed(std::string_view key_id);
  void Fail(Reason reason, const grpc::Status& status, std::string_view detail);
  void Fail(const Error& error);

  void OnCancel() override { state_->is_cancelled = true; }
  void OnDone() override;

 private:
  void Observe(RequestResult result) const;

  const CallOrigin origin_;
  PendingCalls& calls_;
  const std::shared_ptr<CallState> state_ = std::make_shared<CallState>();
  const Clock::time_point start_ = Clock::now();
};

}  // namespace mortise::server
