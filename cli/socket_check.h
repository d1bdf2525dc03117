// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "cli/socket_address.h"

namespace mortise::cli {

enum class SocketState {
  kSpeaksHttp2,    // a gRPC server, or something that looks like one
  kMissing,        // nothing at that path
  kNotASocket,     // a plain file or a folder
  kNobodyListens,  // a socket that its server left behind
  kPermissionDenied,
  kClosedAtOnce,   // accepted, then closed without a word: what a refused peer sees
  kSilent,         // accepted or queued, then nothing until the deadline
  kOtherProtocol,  // answered, but not with HTTP/2
};

struct SocketFinding {
  SocketState state;
  std::string detail;  // the system's word for it, where there is one
};

// Connects once and says what is at the other end, which gRPC's one UNAVAILABLE hides.
SocketFinding CheckSocket(const SocketAddress& address, std::chrono::milliseconds timeout);

}  // namespace mortise::cli
