// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "hsm/canary.h"
#include "hsm/found_kek.h"

namespace mortise::hsm {

// What traffic tells of a KEK; written by whoever completes a call, read by health.
struct KekLife {
  explicit KekLife(std::size_t tokens) : last_proof(tokens) {}

  void Proved(std::size_t token, Clock::time_point now) {
    last_proof[token].store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }
  // Nothing: never on that token.
  std::optional<Clock::time_point> LastProof(std::size_t token) const {
    const Clock::rep at = last_proof[token].load(std::memory_order_relaxed);
    return at == 0 ? std::nullopt : std::optional(Clock::time_point(Clock::duration(at)));
  }

  std::vector<std::atomic<Clock::rep>> last_proof;  // by token; 0: never
  std::atomic<bool> has_unwrapped{false};           // a seed: so the material is the right one
};

enum class Holding : std::uint8_t {
  kAbsent,    // the token does not show it
  kUnproved,  // it shows it; the canary has not been opened there yet
  kProved,
  kForeign,  // other material under this name; never used there
};

// A generation on one of the keyring's tokens.
struct Held {
  Holding holding = Holding::kAbsent;
  // The objects that are used there, of those that claim the key_id, and how a worker is told
  // of them: a KekReference, encoded, with the canary.
  ObjectName wrap, authenticator;
  SchemeId scheme = SchemeId::kAesGcm;
  std::shared_ptr<const std::string> reference;
  std::set<std::string> foreign;  // labels of the wrap keys that did not open the canary
  std::optional<Clock::time_point> self_tested;  // when it last passed, by this software
  std::string self_test_problem;                 // it did not pass: no wraps here for now
  Clock::time_point self_test_not_before{};      // and then when to try again
  std::string wrap_problem;        // of the attribute policy, as this token reports the key
  Clock::time_point not_before{};  // after a failure, when to look again
};

// One generation of a keyring, as far as it is known now.
struct Generation {
  Candidate candidate;
  Verdict verdict;
  std::optional<Canary> canary;
  bool is_admitted = false;             // recorded as accepted, in state.json or by a pinned canary
  std::set<std::string> distinct_from;  // key_ids whose canaries it failed to open
  bool is_quarantined = false;
  Clock::time_point known_since{};
  std::vector<Held> on;  // by token
  std::shared_ptr<KekLife> life;

  std::uint32_t number() const { return candidate.label.generation; }
  bool IsProvedAnywhere() const;
  // Empty: every token that proved it, or where none did every one that shows it, lets it
  // wrap, and it failed its self-test not on all.
  std::string WrapProblem() const;
};

}  // namespace mortise::hsm
