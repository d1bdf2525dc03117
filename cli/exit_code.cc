// SPDX-License-Identifier: Apache-2.0
#include "cli/exit_code.h"

namespace mortise::cli {

ExitCode ExitCodeFor(Reason reason) {
  switch (reason) {
    case Reason::kConfig:
      return ExitCode::kUsage;
    case Reason::kPermission:
    case Reason::kPinRejected:
      return ExitCode::kPermission;
    case Reason::kUnavailable:
    case Reason::kSessionLost:
    case Reason::kBusy:
    case Reason::kQueueFull:
    case Reason::kNoWorker:
    case Reason::kWorkerLost:
      return ExitCode::kHsmUnreachable;
    case Reason::kTimeout:
    case Reason::kDeadline:
      return ExitCode::kTimedOut;
    case Reason::kCancelled:
    case Reason::kKeyNotFound:
    case Reason::kKeyMissing:
    case Reason::kKeyForeign:
    case Reason::kKeyQuarantined:
    case Reason::kKeyRefused:
    case Reason::kWrapLimit:
    case Reason::kWrapRate:
    case Reason::kStateUnusable:
    case Reason::kPlaintextInvalid:
    case Reason::kCiphertextRefused:
    case Reason::kPoisoned:
    case Reason::kProofFailed:
    case Reason::kInternal:
      return ExitCode::kFailed;
  }
  return ExitCode::kFailed;
}

}  // namespace mortise::cli
