// SPDX-License-Identifier: Apache-2.0
#include "server/kms_service.h"

#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/proto_buffer_writer.h>

#include <algorithm>
#include <utility>

#include "server/health.h"
#include "server/status_map.h"

namespace mortise::server {
namespace {

constexpr int kOffers = 16;  // of each method; more callers at once wait in gRPC a moment longer
constexpr std::size_t kLongestPlaintext = 128;
constexpr std::size_t kLongestCiphertext = 1024;
constexpr std::size_t kLongestKeyId = 1024;
constexpr auto kLongestCall = std::chrono::seconds(30);
constexpr auto kCallWithoutDeadline = std::chrono::seconds(10);

// gRPC gives the deadline on the wall clock, and its largest value for none: both
// are compared, never added to.
Deadline DeadlineOf(const grpc::ServerContext& context) {
  using Wall = std::chrono::system_clock;
  const Wall::time_point deadline = context.deadline();
  if (deadline == Wall::time_point::max()) return Clock::now() + kCallWithoutDeadline;
  const Wall::time_point now = Wall::now();
  if (deadline > now + kLongestCall) return Clock::now() + kLongestCall;
  return Clock::now() + (std::max(deadline, now) - now);
}

hsm::Call CallOf(PendingCall& call) {
  const std::shared_ptr<CallState>& state = call.state();
  return {DeadlineOf(call.rpc().context), {state, &state->is_cancelled}};
}

void Refuse(const std::shared_ptr<CallState>& state, Reason reason, const char* text) {
  if (PendingCall* call = state->Claim()) {
    call->Fail(reason, {grpc::StatusCode::INVALID_ARGUMENT, text}, text);
  }
}

// False for bytes that are not such a message, or hold a string that is not UTF-8.
template <typename Message>
bool Parse(PendingCall& call, Message* message) {
  grpc::ProtoBufferReader reader(&call.rpc().request);
  return reader.status().ok() && message->ParseFromZeroCopyStream(&reader);
}

void RefuseMalformed(const std::shared_ptr<CallState>& state) {
  if (PendingCall* call = state->Claim()) {
    call->Fail(Reason::kInternal, {grpc::StatusCode::INTERNAL, "malformed request"},
               "the message is not what kmsv2.proto says, or a string is not UTF-8");
  }
}

template <typename Message>
void Send(const Message& message, PendingCall* call, std::string_view key_id) {
  grpc::ByteBuffer bytes;
  bool own = false;
  const grpc::Status status =
      grpc::GenericSerialize<grpc::ProtoBufferWriter, Message>(message, &bytes, &own);
  if (!status.ok()) return call->Fail(Error(Reason::kInternal, status.error_message()));
  call->Succeed(bytes, key_id);
}

// Runs the part of a handler that may throw: nothing may escape into gRPC, and a call
// that was begun must be ended.
template <typename Body>
void Guarded(std::shared_ptr<CallState> state, Body body) {
  try {
    body(state);
  } catch (const Error& error) {
    if (PendingCall* call = state->Claim()) call->Fail(error);
  } catch (const std::exception& error) {
    if (PendingCall* call = state->Claim()) call->Fail(Error(Reason::kInternal, error.what()));
  }
}

// The form of a DecryptRequest; nothing when it is good. Annotations are never issued
// here, so given ones were added by somebody else.
const char* ProblemOf(const v2::DecryptRequest& request) {
  if (request.ciphertext().empty() || request.ciphertext().size() > kLongestCiphertext) {
    return "ciphertext must have 1 to 1024 bytes";
  }
  if (request.key_id().empty() || request.key_id().size() > kLongestKeyId) {
    return "key_id must have 1 to 1024 bytes";
  }
  if (!request.annotations().empty()) return "annotations must be empty";
  return nullptr;
}

}  // namespace

KmsService::KmsService(std::shared_ptr<hsm::Keyring> keyring, const config::Keyring& settings,
                       const PeerTable& peers, RequestObservers observers)
    : CallHome(settings.name, peers, std::move(observers)),
      keyring_(std::move(keyring)),
      settings_(settings) {}

void KmsService::Open(grpc::ServerCompletionQueue& queue) {
  queue_ = &queue;
  for (const Method method : {Method::kStatus, Method::kEncrypt, Method::kDecrypt}) {
    for (int i = 0; i < kOffers; ++i) PendingCall::Offer(*this, method);
  }
}

void KmsService::Request(PendingCall& call) {
  PendingCall::Rpc& rpc = call.rpc();
  switch (call.method()) {
    case Method::kStatus:
      return rpcs_.RequestStatus(&rpc.context, &rpc.request, &rpc.writer, queue_, queue_,
                                 call.arrived());
    case Method::kEncrypt:
      return rpcs_.RequestEncrypt(&rpc.context, &rpc.request, &rpc.writer, queue_, queue_,
                                  call.arrived());
    case Method::kDecrypt:
      return rpcs_.RequestDecrypt(&rpc.context, &rpc.request, &rpc.writer, queue_, queue_,
                                  call.arrived());
  }
}

void KmsService::Handle(PendingCall& call) {
  switch (call.method()) {
    case Method::kStatus:
      return Status(call);
    case Method::kEncrypt:
      return Encrypt(call);
    case Method::kDecrypt:
      return Decrypt(call);
  }
}

void KmsService::Status(PendingCall& pending) {
  v2::StatusRequest request;
  const bool is_readable = Parse(pending, &request);
  if (!pending.Begin({}, {})) return;
  Guarded(pending.state(), [&](const std::shared_ptr<CallState>& state) {
    if (!is_readable) return RefuseMalformed(state);
    const HealthAnswer health = JudgeHealth(*keyring_->Status(), settings_, Clock::now());
    PendingCall* const call = state->Claim();
    if (call == nullptr) return;
    if (!health.is_available) {
      return call->Fail(Reason::kUnavailable, {grpc::StatusCode::UNAVAILABLE, health.healthz},
                        health.healthz);
    }
    v2::StatusResponse response;
    response.set_version(settings_.version);
    response.set_healthz(health.healthz);
    response.set_key_id(health.key_id);
    Send(response, call, health.key_id);
  });
}

void KmsService::Encrypt(PendingCall& pending) {
  v2::EncryptRequest request;
  const bool is_readable = Parse(pending, &request);
  SecretBytes seed(AsBytes(request.plaintext()));
  Wipe(*request.mutable_plaintext());
  if (!pending.Begin(std::move(*request.mutable_uid()), {})) return;
  Guarded(pending.state(), [&](const std::shared_ptr<CallState>& state) {
    if (!is_readable) return RefuseMalformed(state);
    if (seed.empty() || seed.size() > kLongestPlaintext) {
      return Refuse(state, Reason::kPlaintextInvalid, "plaintext must have 1 to 128 bytes");
    }
    keyring_->Wrap(std::move(seed), CallOf(pending), [state](hsm::Outcome<hsm::Wrapped> outcome) {
      PendingCall* const call = state->Claim();
      if (call == nullptr) return;
      if (const auto* error = std::get_if<Error>(&outcome)) return call->Fail(*error);
      auto& wrapped = std::get<hsm::Wrapped>(outcome);
      v2::EncryptResponse response;
      response.set_ciphertext(std::move(wrapped.ciphertext));
      response.set_key_id(wrapped.key_id);
      Send(response, call, wrapped.key_id);
    });
  });
}

void KmsService::Decrypt(PendingCall& pending) {
  v2::DecryptRequest request;
  const bool is_readable = Parse(pending, &request);
  if (!pending.Begin(std::move(*request.mutable_uid()), request.key_id())) return;
  Guarded(pending.state(), [&](const std::shared_ptr<CallState>& state) {
    if (!is_readable) return RefuseMalformed(state);
    if (const char* problem = ProblemOf(request)) {
      return Refuse(state, Reason::kCiphertextRefused, problem);
    }
    keyring_->Unwrap(request.ciphertext(), request.key_id(), CallOf(pending),
                     [state](hsm::Outcome<SecretBytes> outcome) {
                       PendingCall* const call = state->Claim();
                       if (call == nullptr) return;
                       if (const auto* error = std::get_if<Error>(&outcome)) {
                         return call->Fail(*error);
                       }
                       const ByteView seed = std::get<SecretBytes>(outcome).view();
                       v2::DecryptResponse response;
                       response.set_plaintext(seed.data(), seed.size());
                       Send(response, call, call->key_id());
                       Wipe(*response.mutable_plaintext());
                     });
  });
}

}  // namespace mortise::server
