// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"

namespace mortise::cli {

// The same for every output form; a usage mistake is never 1.
enum class ExitCode {
  kOk = 0,
  kFailed = 1,       // a check failed, or something is unhealthy
  kUsage = 2,        // the command line or the configuration is wrong
  kWarnings = 3,     // warnings only, with --strict
  kNotSafe = 4,      // the key is still referenced
  kAuditBroken = 5,  // the audit chain does not verify
  kHsmUnreachable = 6,
  kPermission = 7,  // the operating system, the peer or the token denied it
  kTimedOut = 124,
};

ExitCode ExitCodeFor(Reason reason);

}  // namespace mortise::cli
