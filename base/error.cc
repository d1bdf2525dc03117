// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <system_error>

namespace mortise {

std::string_view Name(Reason reason) {
  switch (reason) {
    case Reason::kUnavailable:
      return "unavailable";
    case Reason::kSessionLost:
      return "session_lost";
    case Reason::kBusy:
      return "busy";
    case Reason::kQueueFull:
      return "queue_full";
    case Reason::kNoWorker:
      return "no_worker";
    case Reason::kWorkerLost:
      return "worker_lost";
    case Reason::kTimeout:
      return "timeout";
    case Reason::kDeadline:
      return "deadline";
    case Reason::kCancelled:
      return "cancelled";
    case Reason::kPinRejected:
      return "pin_rejected";
    case Reason::kKeyNotFound:
      return "key_not_found";
    case Reason::kKeyMissing:
      return "key_missing";
    case Reason::kKeyForeign:
      return "key_foreign";
    case Reason::kKeyQuarantined:
      return "key_quarantined";
    case Reason::kKeyRefused:
      return "key_refused";
    case Reason::kWrapLimit:
      return "wrap_limit";
    case Reason::kWrapRate:
      return "wrap_rate";
    case Reason::kStateUnusable:
      return "state_unusable";
    case Reason::kPlaintextInvalid:
      return "plaintext_invalid";
    case Reason::kCiphertextRefused:
      return "ciphertext_refused";
    case Reason::kPoisoned:
      return "poisoned";
    case Reason::kProofFailed:
      return "proof_failed";
    case Reason::kConfig:
      return "config";
    case Reason::kPermission:
      return "permission";
    case Reason::kInternal:
      return "internal";
  }
  return "internal";
}

std::string ErrnoText(int error_number) {
  return std::generic_category().message(error_number);
}

}  // namespace mortise
