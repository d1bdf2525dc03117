// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/async_unary_call.h>
#include <grpcpp/support/byte_buffer.h>

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "server/peer_table.h"
#include "server/pending_calls.h"
#include "server/request_observer.h"

namespace mortise::server {

// The part of a call that a completion may hold after the call was ended by a stop.
// Whoever claims the call answers it; everyone later gets nothing.
struct CallState {
  std::atomic<PendingCall*> call{nullptr};
  std::atomic<bool> is_cancelled{false};

  PendingCall* Claim() { return call.exchange(nullptr); }
};

// What the calls of one keyring share; it outlives them.
class CallHome {
 public:
  CallHome(std::string keyring_name, const PeerTable& peer_table,
           RequestObservers request_observers)
      : keyring(std::move(keyring_name)),
        peers(peer_table),
        observers(std::move(request_observers)) {}
  virtual ~CallHome() = default;

  // Asks gRPC for the next RPC of this call's method; its arrived() comes when there is one.
  virtual void Request(PendingCall& call) = 0;
  // An RPC came: it is begun before this returns, and claimed and answered now or later.
  virtual void Handle(PendingCall& call) = 0;

  const std::string keyring;
  const PeerTable& peers;
  const RequestObservers observers;
  PendingCalls calls;
};

// One RPC, from the offer to take it to the end of its answer. It belongs to gRPC's queue
// and deletes itself with the last event that the queue gives of it.
//
//   offered ──arrived──▶ begun ──claimed──▶ answering ──answered and ended──▶ gone
class PendingCall {
 public:
  // A tag of the completion queue. All are taken by the one thread that reads the queue.
  struct Event {
    PendingCall* call;
    void (PendingCall::*take)(bool ok);
  };

  // What gRPC fills and reads.
  struct Rpc {
    grpc::ServerContext context;
    grpc::ByteBuffer request;
    grpc::ServerAsyncResponseWriter<grpc::ByteBuffer> writer{&context};
  };

  // Offers to take one RPC of `method`; when it comes, another is offered.
  static void Offer(CallHome& home, Method method) { new PendingCall(home, method); }
  static void Take(void* tag, bool ok);

  Method method() const { return method_; }
  Rpc& rpc() { return rpc_; }
  Event* arrived() { return &arrived_; }
  const std::shared_ptr<CallState>& state() const { return state_; }

  // From now on it can be claimed, also by a stop; with the client's words, for those who
  // watch. False: a stop was quicker and has answered.
  bool Begin(std::string uid, std::string key_id);
  const std::string& key_id() const { return key_id_; }

  // Each ends the call; only who claimed it may, and must not touch it afterwards. `detail`
  // is for the log alone.
  void Succeed(const grpc::ByteBuffer& answer, std::string_view key_id);
  void Fail(Reason reason, const grpc::Status& status, std::string_view detail);
  void Fail(const Error& error);

 private:
  PendingCall(CallHome& home, Method method);

  void OnArrived(bool ok);
  void OnAnswered(bool ok);
  void OnEnded(bool ok);
  void LeaveAfterLastEvent();
  void Observe(RequestResult result) const;

  CallHome& home_;
  const Method method_;
  Rpc rpc_;
  Event arrived_{this, &PendingCall::OnArrived};
  Event answered_{this, &PendingCall::OnAnswered};
  Event ended_{this, &PendingCall::OnEnded};  // also when the client went away before
  int events_left_ = 2;                       // of an RPC that arrived: answered, ended
  const std::shared_ptr<CallState> state_ = std::make_shared<CallState>();
  std::string uid_;
  std::string key_id_;
  Clock::time_point start_{};
};

}  // namespace mortise::server
