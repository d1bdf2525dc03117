// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>

#include "cli/exit_code.h"
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

// Nothing can be measured, and why, with what to do.
class Unmeasurable : public std::runtime_error {
 public:
  Unmeasurable(ExitCode exit_code, const std::string& message)
      : std::runtime_error(message), exit_code_(exit_code) {}
  ExitCode exit_code() const { return exit_code_; }

 private:
  ExitCode exit_code_;
};

// Runs it to its end. A call that is in flight when the time is over is waited for and
// counted. Throws Unmeasurable: no connection, no key to encrypt with, or Encrypt fails
// while the ciphertexts for Decrypt are made.
LoadResult Drive(const Load& load);

}  // namespace mortise::cli
