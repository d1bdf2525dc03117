// SPDX-License-Identifier: Apache-2.0
// The seam by which server/ knows hsm/: wrap, unwrap, and what is known of health.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/secret_bytes.h"
#include "hsm/assurance.h"

namespace mortise::hsm {

// One call of kube-apiserver, as far as hsm/ needs to know it.
struct Call {
  Deadline deadline;  // the caller's, already capped
  // Set when the caller has gone: the operation then leaves the queue unsent and
  // ends with kCancelled. Shared with whoever notices.
  std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);
};

struct Wrapped {
  std::string ciphertext;  // an envelope (FORMATS.md), at most 1024 bytes
  std::string key_id;      // of the KEK that wrapped it
};

template <typename T>
using Outcome = std::variant<T, Error>;
template <typename T>
using Done = std::function<void(Outcome<T>)>;

enum class GenerationState : std::uint8_t {
  kPending,
  kActive,
  kDecryptOnly,
  kQuarantined,
  kRefused
};
std::string_view Name(GenerationState state);  // "pending", "active", "decrypt_only", ...

struct GenerationStatus {
  std::string key_id;
  std::uint32_t generation = 0;
  std::string scheme;  // "aes-gcm"
  GenerationState state = GenerationState::kPending;
  std::string problem;      // why it is refused or may not wrap; empty: nothing wrong
  WallTime activation{};    // from the label
  std::uint64_t wraps = 0;  // reserved by this node, over restarts
  std::uint64_t wrap_limit = 0;
  std::optional<WallTime> last_unwrap;
  std::vector<std::string> tokens;  // that hold it, proved or not
};

struct TokenStatus {
  std::string name;
  bool is_up = false;   // a worker is ready; whether the keys work there says last_proof
  std::string problem;  // why not; empty when up
  std::optional<Reason> problem_reason;         // nothing when up
  std::optional<Clock::time_point> last_proof;  // newest unwrap that proved a KEK of this keyring
  std::string manufacturer, model, serial, firmware, library;  // as the token says
  std::vector<int> worker_pids;
  int sessions = 0;
  std::size_t queue_length = 0;
  std::vector<std::string> waived;           // attributes that this keyring's keys may lack there
  std::optional<AssuranceStatus> assurance;  // nothing: the configuration states none
};

// What is known now; made anew on each change that matters, never mutated.
struct KeyringStatus {
  std::string context_tag;                      // equal on all nodes of a cluster
  std::string active_key_id;                    // empty until a generation was activated and proved
  std::optional<Clock::time_point> last_proof;  // of the active KEK, on any token
  // A problem no other token can mend: the active KEK missing, foreign or quarantined.
  // Status is then UNAVAILABLE at once, under either policy.
  std::optional<Error> fatal;
  // Why nothing is wrapped for now. Unwrapping goes on, and Status says so: this is not part of it.
  std::optional<Error> wrap_refusal;
  std::string waiting_for;  // before the first proof: what is awaited, in words
  std::vector<GenerationStatus> generations;
  std::vector<TokenStatus> tokens;
};

// What one cluster uses. Thread-safe; nothing here blocks.
class Keyring {
 public:
  virtual ~Keyring() = default;

  // Wraps 1..128 bytes under the active KEK, proves that the result opens to the
  // same bytes, then answers. `done` runs exactly once, on any thread, perhaps
  // before Wrap returns; at the latest about 20 ms after the deadline.
  virtual void Wrap(SecretBytes seed, Call call, Done<Wrapped> done) = 0;

  // Opens `ciphertext` under the KEK named `key_id`, or answers why not.
  virtual void Unwrap(std::string_view ciphertext, std::string_view key_id, Call call,
                      Done<SecretBytes> done) = 0;

  virtual std::shared_ptr<const KeyringStatus> Status() const = 0;

  virtual const std::string& name() const = 0;
};

}  // namespace mortise::hsm
