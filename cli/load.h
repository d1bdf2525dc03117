// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "cli/latency_histogram.h"
#include "cli/socket_address.h"

namespace mortise::cli {

enum class Rpc { kStatus, kEncrypt, kDecrypt };

// A closed loop against a KMS v2 socket: each caller makes its next call as soon as
// the one before is answered.
struct Load {
  SocketAddress address;
  Rpc rpc = Rpc::kDecrypt;
  int callers = 64;
  int connections = 1;  // at most one per caller
  std::chrono::milliseconds duration = std::chrono::seconds(5);
  std::uint64_t calls = 0;  // end after so many, whatever `duration` says; 0: no such end
  std::chrono::milliseconds timeout = std::chrono::seconds(3);  // of one call, as kube-apiserver's
  int distinct = 64;  // ciphertexts that Decrypt goes round, each of its own random bytes
};

struct LoadResult {
  LatencyHistogram latency;  // of the calls that went well
  std::chrono::nanoseconds elapsed{};
  std::uint64_t calls = 0;
  std::uint64_t failed = 0;
  std::map<std::string, std::uint64_t> errors;  // gRPC code, or WRONG_ANSWER -> calls
  std::string first_error;                      // "UNAVAILABLE: ..."
};

// Runs it to its end. A call that is in flight when the time is over is waited for and
// counted. Throws Error when nothing can be measured: no connection, or Encrypt fails
// while the ciphertexts for Decrypt are made.
LoadResult Drive(const Load& load);

}  // namespace mortise::cli
