// SPDX-License-Identifier: Apache-2.0
// How metrics and the log learn of calls and connections without server/ knowing them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace mortise::server {

enum class Method : std::uint8_t { kStatus, kEncrypt, kDecrypt };
inline constexpr std::size_t kMethodCount = 3;
std::string_view Name(Method method);  // "Status", "Encrypt", "Decrypt"

// One call, as it was answered. The views are good until OnRequest returns; uid
// and key_id are the client's words and need Printable before anyone reads them.
struct RequestResult {
  std::string_view keyring{};
  Method method = Method::kStatus;
  std::size_t code_number = 0;      // as gRPC counts: 0 is OK
  std::string_view code{};          // "OK", "INVALID_ARGUMENT", ... as gRPC spells them
  std::optional<Reason> failure{};  // nothing: it succeeded
  std::string_view detail{};        // behind a failure, for the log alone
  std::string_view uid{};
  std::string_view key_id{};
  std::string_view peer{};  // who called: "uid 0 pid 4711"; only filled in for failures
  std::chrono::nanoseconds duration{};
};

// Why a connection was closed before gRPC saw it; a metric label.
enum class Rejection : std::uint8_t { kUid, kLimit, kSilent, kNotHttp2 };
inline constexpr std::size_t kRejectionCount = 4;
std::string_view Name(Rejection rejection);  // "uid", "limit", "silent", "not_http2"

// Called from any thread, also concurrently. Implementations return quickly.
class RequestObserver {
 public:
  virtual ~RequestObserver() = default;
  virtual void OnRequestStart(std::string_view /*keyring*/, Method) {}
  virtual void OnRequest(const RequestResult&) {}
  virtual void OnConnectionOpened(std::string_view /*keyring*/) {}
  virtual void OnConnectionClosed(std::string_view /*keyring*/) {}
  virtual void OnRejection(std::string_view /*keyring*/, Rejection) {}
};

using RequestObservers = std::vector<RequestObserver*>;

}  // namespace mortise::server
