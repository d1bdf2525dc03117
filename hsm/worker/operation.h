// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/secret_bytes.h"
#include "hsm/worker/message.h"

namespace mortise::hsm {

// What came of an operation. `error` is null on success; `body` is then the answer
// (see MessageKind) and lives only as long as the call.
struct OperationReply {
  const Error* error = nullptr;
  std::string_view body;
  std::chrono::nanoseconds queue_wait{};
  std::chrono::nanoseconds token_time{};
};

// One request to one token, from submission to its single reply.
struct Operation {
  MessageKind kind = MessageKind::kUnwrap;
  Purpose purpose = Purpose::kSeed;
  // Of the KEK in use: what asks a worker that has gone quiet whether it lives.
  // Null for an inventory.
  std::shared_ptr<const std::string> kek;  // KekReference, encoded
  std::string input;                       // follows the KEK in the message; wiped at the end
  Deadline deadline;
  std::shared_ptr<std::atomic<bool>> cancelled;
  std::uint32_t share = 0;  // which keyring's part of the queue it takes
  // Another token can do it: then a missed attempt ends here, with kTimeout.
  bool has_alternative = false;
  std::function<void(const OperationReply&)> done;  // exactly once, under no lock

  // The token's own notes, guarded by its lock.
  std::uint64_t id = 0;
  std::uint16_t attempt = 0;
  int deaths = 0;  // workers that ended by themselves while they held it
  Clock::time_point submitted, dispatched;

  Operation() = default;
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  ~Operation() { Wipe(input); }

  std::string_view kek_bytes() const { return kek ? std::string_view(*kek) : std::string_view(); }
  bool is_cancelled() const { return cancelled && cancelled->load(std::memory_order_relaxed); }
};
using OperationPtr = std::shared_ptr<Operation>;

}  // namespace mortise::hsm
