// SPDX-License-Identifier: Apache-2.0
// The file that a test and the fault module both map: what shall go wrong, and
// what was called. All zeros means that nothing goes wrong.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "test/support/fault_module/functions.h"
#include "test/support/fault_module/roles.h"

namespace mortise::test {

inline constexpr char kControlVariable[] = "MORTISE_FAULT_CONTROL";
inline constexpr char kModuleVariable[] = "MORTISE_FAULT_MODULE";
inline constexpr char kActVariable[] = "MORTISE_FAULT_ACT";
inline constexpr std::int64_t kEveryCall = -1;

template <typename T>
using Shared = std::atomic<T>;
static_assert(Shared<std::uint64_t>::is_always_lock_free, "the file is shared between processes");

// A fault for one call: wait, then answer `rv`, or go on where that is 0.
struct OneShot {
  std::uint64_t rv;
  std::uint64_t delay_ns;
};

struct FunctionControl {
  Shared<std::uint64_t> calls;
  Shared<std::uint64_t> rv;           // answered to every call; 0: forwarded
  Shared<std::uint64_t> delay_ns;     // before every call
  Shared<std::int64_t> hangs;         // calls that shall hang; kEveryCall
  Shared<std::int64_t> crashes;       // calls that shall end the process; kEveryCall
  Shared<std::int64_t> corruptions;   // outputs that shall have a bit flipped; kEveryCall
  Shared<std::uint64_t> shots_taken;  // one-shot faults: a queue that every process takes from
  Shared<std::uint64_t> shots_added;
  std::array<OneShot, 64> shots;
};

enum class BlobEffect : std::uint32_t { kNone, kSegmentationFault, kAbort, kHang, kAnswer };

struct BlobControl {
  Shared<BlobEffect> effect;
  Shared<std::uint32_t> size;
  std::uint64_t rv;  // of kAnswer
  std::array<std::uint8_t, 1024> bytes;
};

struct CallRecord {
  Shared<std::uint32_t> pid;
  Shared<std::uint32_t> function;
};

struct Control {
  std::array<FunctionControl, kFunctionCount> functions;
  BlobControl blob;
  RoleControl roles;
  Shared<std::uint64_t> removed_rv;    // the token is gone: what everything answers; 0: present
  Shared<std::uint64_t> paused_until;  // CLOCK_MONOTONIC, ns
  Shared<std::uint64_t> pause_origin;  // with the two below: a pause in every period
  Shared<std::uint64_t> pause_period;
  Shared<std::uint64_t> pause_length;
  Shared<std::uint64_t> hang_epoch;  // hung calls go on when it changes
  Shared<std::uint64_t>
      session_epoch;              // a process initialised under an older one has lost its sessions
  Shared<std::uint64_t> lost_rv;  // what it then answers
  Shared<std::uint64_t> record_count;  // may exceed the log, which keeps the first ones
  std::array<CallRecord, 65536> records;
};

}  // namespace mortise::test
