// SPDX-License-Identifier: Apache-2.0
#include "server/status_map.h"

namespace mortise::server {

grpc::Status ToStatus(Reason reason) {
  using enum grpc::StatusCode;
  switch (reason) {
    case Reason::kUnavailable:
      return {UNAVAILABLE, "no token can be reached"};
    case Reason::kSessionLost:
      return {UNAVAILABLE, "the token's session was lost"};
    case Reason::kBusy:
      return {UNAVAILABLE, "the token is out of sessions or memory"};
    case Reason::kQueueFull:
      return {UNAVAILABLE, "too many requests wait for the token"};
    case Reason::kNoWorker:
      return {UNAVAILABLE, "no token worker is ready"};
    case Reason::kWorkerLost:
      return {UNAVAILABLE, "the token worker ended"};
    case Reason::kTimeout:
      return {DEADLINE_EXCEEDED, "the token did not answer in time"};
    case Reason::kDeadline:
      return {DEADLINE_EXCEEDED, "the deadline passed"};
    case Reason::kCancelled:
      return {CANCELLED, "the caller went away"};
    case Reason::kPinRejected:
      return {UNAVAILABLE, "the token's login is refused"};
    case Reason::kKeyNotFound:
      return {NOT_FOUND, "unknown key_id"};
    case Reason::kKeyMissing:
      return {UNAVAILABLE, "the token does not show the key"};
    case Reason::kKeyForeign:
      return {UNAVAILABLE, "the token holds another key under this name"};
    case Reason::kKeyQuarantined:
      return {FAILED_PRECONDITION, "the key is quarantined"};
    case Reason::kKeyRefused:
      return {FAILED_PRECONDITION, "the key's use is refused by policy"};
    case Reason::kWrapLimit:
      return {FAILED_PRECONDITION, "the key has spent its wraps; rotate it"};
    case Reason::kWrapRate:
      return {RESOURCE_EXHAUSTED, "too many Encrypt calls a second"};
    case Reason::kStateUnusable:
      return {FAILED_PRECONDITION, "the state folder cannot be written"};
    case Reason::kPlaintextInvalid:
      return {INVALID_ARGUMENT, "plaintext must have 1 to 128 bytes"};
    case Reason::kCiphertextRefused:
      return {INVALID_ARGUMENT, "ciphertext refused"};
    case Reason::kPoisoned:
      return {INTERNAL, "the request ended a token worker"};
    case Reason::kProofFailed:
      return {INTERNAL, "the wrapped result did not open again"};
    case Reason::kConfig:
      return {INTERNAL, "internal error"};
    case Reason::kPermission:
      return {INTERNAL, "internal error"};
    case Reason::kInternal:
      return {INTERNAL, "internal error"};
  }
  return {INTERNAL, "internal error"};
}

std::string_view Name(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::OK:
      return "OK";
    case grpc::StatusCode::CANCELLED:
      return "CANCELLED";
    case grpc::StatusCode::UNKNOWN:
      return "UNKNOWN";
    case grpc::StatusCode::INVALID_ARGUMENT:
      return "INVALID_ARGUMENT";
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return "DEADLINE_EXCEEDED";
    case grpc::StatusCode::NOT_FOUND:
      return "NOT_FOUND";
    case grpc::StatusCode::ALREADY_EXISTS:
      return "ALREADY_EXISTS";
    case grpc::StatusCode::PERMISSION_DENIED:
      return "PERMISSION_DENIED";
    case grpc::StatusCode::UNAUTHENTICATED:
      return "UNAUTHENTICATED";
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return "RESOURCE_EXHAUSTED";
    case grpc::StatusCode::FAILED_PRECONDITION:
      return "FAILED_PRECONDITION";
    case grpc::StatusCode::ABORTED:
      return "ABORTED";
    case grpc::StatusCode::OUT_OF_RANGE:
      return "OUT_OF_RANGE";
    case grpc::StatusCode::UNIMPLEMENTED:
      return "UNIMPLEMENTED";
    case grpc::StatusCode::INTERNAL:
      return "INTERNAL";
    case grpc::StatusCode::UNAVAILABLE:
      return "UNAVAILABLE";
    case grpc::StatusCode::DATA_LOSS:
      return "DATA_LOSS";
    case grpc::StatusCode::DO_NOT_USE:
      break;
  }
  return "UNKNOWN";
}

}  // namespace mortise::server
