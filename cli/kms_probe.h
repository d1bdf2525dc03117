// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "cli/exit_code.h"
#include "cli/kms_client.h"
#include "cli/socket_address.h"

namespace mortise::cli {

struct ProbeOptions {
  SocketAddress address;
  std::chrono::milliseconds timeout = std::chrono::seconds(3);  // of each call
  std::chrono::milliseconds wait{};  // how long to go on asking until Status is healthy
};

// One thing looked at, and how it stood.
struct ProbeCheck {
  std::string id;        // stable: "socket", "status", "version", ...
  std::string observed;  // what was seen, as a sentence part
  std::string hint;      // what to do next; empty exactly when all is well
  std::optional<std::chrono::nanoseconds> took;

  bool passed() const { return hint.empty(); }
};

struct ProbeReport {
  std::vector<ProbeCheck> checks;      // in the order made; after a failed call there are no more
  ExitCode exit_code = ExitCode::kOk;  // of the first check that failed
  KmsStatus status;                    // as last answered
  std::size_t ciphertext_bytes = 0;
  std::size_t annotations = 0;

  bool healthy() const { return exit_code == ExitCode::kOk; }
};

// Speaks to a KMS v2 socket as kube-apiserver does: Status, Encrypt of 32 random bytes,
// Decrypt of what that gave; and judges each answer as kube-apiserver would. The bytes
// themselves are in no report.
ProbeReport Probe(const ProbeOptions& options);

}  // namespace mortise::cli
