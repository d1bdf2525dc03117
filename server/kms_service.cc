// SPDX-License-Identifier: Apache-2.0
#include "server/kms_service.h"

#include <grpcpp/server_context.h>

#include <algorithm>
#include <utility>

#include "server/health.h"
#include "server/status_map.h"

namespace mortise::server {
namespace {

constexpr std::size_t kLongestPlaintext = 128;
constexpr std::size_t kLongestCiphertext = 1024;
constexpr std::size_t kLongestKeyId = 1024;
constexpr auto kLongestCall = std::chrono::seconds(30);
constexpr auto kCallWithoutDeadline = std::chrono::seconds(10);

// gRPC gives the deadline on the wall clock, and its largest value for none: both
// are compared, never added to.
Deadline DeadlineOf(const grpc::CallbackServerContext& context) {
  using Wall = std::chrono::system_clock;
  const Wall::time_point deadline = context.deadline();
  if (deadline == Wall::time_point::max()) return Clock::now() + kCallWithoutDeadline;
  const Wall::time_point now = Wall::now();
  if (deadline > now + kLongestCall) return Clock::now() + kLongestCall;
  return Clock::now() + (std::max(deadline, now) - now);
}

hsm::Call CallOf(const grpc::CallbackServerContext& context,
                 const std::shared_ptr<CallState>& state) {
  return {DeadlineOf(context), {state, &state->is_cancelled}};
}

void Refuse(const std::shared_ptr<CallState>& state, const char* text,
            Reason reason = Reason::kCiphertextRefused) {
  if (PendingCall* call = state->Claim()) {
    call->Fail(reason, {grpc::StatusCode::INVALID_ARGUMENT, text}, text);
  }
}

// Runs the part of a handler that may throw: nothing may escape into gRPC, and a call
// that was begun must be ended.
template <typename Body>
void Guarded(const std::shared_ptr<CallState>& state, Body body) {
  if (state->call == nullptr) return;  // a stop was quicker
  try {
    body();
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
    : keyring_(std::move(keyring)),
      settings_(settings),
      peers_(peers),
      observers_(std::move(observers)) {}

PendingCall* KmsService::Begin(grpc::CallbackServerContext* context, Method method,
                               std::string_view uid, std::string_view key_id, std::string* secret) {
  return new PendingCall({.method = method,
                          .keyring = settings_.name,
                          .uid = uid,
                          .key_id = key_id,
                          .context = context,
                          .peers = &peers_,
                          .observers = &observers_,
                          .secret = secret},
                         calls_);
}

grpc::ServerUnaryReactor* KmsService::Status(grpc::CallbackServerContext* context,
                                             const v2::StatusRequest* /*request*/,
                                             v2::StatusResponse* response) {
  PendingCall* const pending = Begin(context, Method::kStatus, {}, {}, nullptr);
  Guarded(pending->state(), [&] {
    const HealthAnswer health = JudgeHealth(*keyring_->Status(), settings_, Clock::now());
    PendingCall* const call = pending->state()->Claim();
    if (call == nullptr) return;
    if (!health.is_available) {
      call->Fail(Reason::kUnavailable, {grpc::StatusCode::UNAVAILABLE, health.healthz},
                 health.healthz);
      return;
    }
    response->set_version(settings_.version);
    response->set_healthz(health.healthz);
    response->set_key_id(health.key_id);
    call->Succeed(health.key_id);
  });
  return pending;
}

grpc::ServerUnaryReactor* KmsService::Encrypt(grpc::CallbackServerContext* context,
                                              const v2::EncryptRequest* request,
                                              v2::EncryptResponse* response) {
  // The request is gRPC's own parsed copy; nobody reads it after this handler.
  std::string* const secret = const_cast<v2::EncryptRequest*>(request)->mutable_plaintext();
  PendingCall* const pending = Begin(context, Method::kEncrypt, request->uid(), {}, secret);
  const std::shared_ptr<CallState> state = pending->state();
  Guarded(state, [&] {
    if (request->plaintext().empty() || request->plaintext().size() > kLongestPlaintext) {
      return Refuse(state, "plaintext must have 1 to 128 bytes", Reason::kPlaintextInvalid);
    }
    keyring_->Wrap(SecretBytes(AsBytes(request->plaintext())), CallOf(*context, state),
                   [state, response](hsm::Outcome<hsm::Wrapped> outcome) {
                     PendingCall* const call = state->Claim();
                     if (call == nullptr) return;
                     if (const auto* error = std::get_if<Error>(&outcome))
                       return call->Fail(*error);
                     auto& wrapped = std::get<hsm::Wrapped>(outcome);
                     response->set_ciphertext(std::move(wrapped.ciphertext));
                     response->set_key_id(wrapped.key_id);
                     call->Succeed(wrapped.key_id);
                   });
  });
  return pending;
}

grpc::ServerUnaryReactor* KmsService::Decrypt(grpc::CallbackServerContext* context,
                                              const v2::DecryptRequest* request,
                                              v2::DecryptResponse* response) {
  PendingCall* const pending = Begin(context, Method::kDecrypt, request->uid(), request->key_id(),
                                     response->mutable_plaintext());
  const std::shared_ptr<CallState> state = pending->state();
  Guarded(state, [&] {
    if (const char* problem = ProblemOf(*request)) return Refuse(state, problem);
    keyring_->Unwrap(request->ciphertext(), request->key_id(), CallOf(*context, state),
                     [state, response](hsm::Outcome<SecretBytes> outcome) {
                       PendingCall* const call = state->Claim();
                       if (call == nullptr) return;
                       if (const auto* error = std::get_if<Error>(&outcome))
                         return call->Fail(*error);
                       const ByteView seed = std::get<SecretBytes>(outcome).view();
                       response->set_plaintext(seed.data(), seed.size());
                       call->Succeed();
                     });
  });
  return pending;
}

}  // namespace mortise::server
