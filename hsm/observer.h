// SPDX-License-Identifier: Apache-2.0
// How logs and metrics learn of the tokens without hsm/ knowing them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "hsm/worker/start_reason.h"

namespace mortise::hsm {

enum class OperationKind : std::uint8_t { kWrap, kUnwrap, kCanary, kSelfTest, kInventory };
inline constexpr std::size_t kOperationKindCount = 5;
std::string_view Name(OperationKind kind);  // "wrap", "unwrap", "canary", "self_test", "inventory"

// One operation of one token, as its worker saw it.
struct OperationResult {
  std::string_view token;
  OperationKind kind;
  std::optional<Reason> failure;          // nothing: it succeeded
  std::uint64_t ckr = 0;                  // the Cryptoki code behind a failure, else 0
  std::chrono::nanoseconds queue_wait{};  // from submission to dispatch
  std::chrono::nanoseconds token_time{};  // inside the worker: its Cryptoki calls
};

enum class Severity : std::uint8_t { kInfo, kWarning, kError };

// Something an operator or an auditor wants to know of: one log line with `event`.
// Until the audit log exists this is also the audit trail.
struct Event {
  Severity severity = Severity::kInfo;
  std::string_view name;  // snake_case, e.g. "key_accepted"
  std::string message;    // a sentence for a person, with the next step where there is one
  std::vector<std::pair<std::string, std::string>>
      fields;  // e.g. {"token","hsm-a"},{"key_id","..."}
};

// Called from any thread, also concurrently, never under a lock of hsm/.
// Implementations return quickly and never call back.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void OnOperation(const OperationResult&) {}
  virtual void OnWorkerStart(std::string_view /*token*/, StartReason) {}
  virtual void OnEvent(const Event&) {}
};

}  // namespace mortise::hsm
