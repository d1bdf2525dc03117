// SPDX-License-Identifier: Apache-2.0
// Which generation is admitted, and which may become active.
#include <algorithm>

#include "hsm/generations.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;

// "Has just passed": a test is repeated twice as often as it goes stale.
constexpr auto kPassIsFresh = 60s;
// How long a node without history waits for a newer generation before it starts an older one.
constexpr auto kPatience = 10s;

}  // namespace

std::vector<std::string> Generations::ToAdmit() const {
  std::vector<std::string> key_ids;
  for (const auto& [key_id, generation] : all_) {
    if (!generation.is_admitted && generation.canary && generation.IsProvedAnywhere() &&
        generation.verdict.standing == Standing::kAccepted && UncheckedCanaries(generation).empty())
      key_ids.push_back(key_id);
  }
  return key_ids;
}

WallTime Generations::ScanToRecord(WallTime scanned) const {
  for (const auto& [key_id, generation] : all_) {
    if (!generation.is_admitted && generation.verdict.standing == Standing::kAccepted)
      scanned = std::min(scanned, generation.candidate.label.activation);
  }
  return scanned;
}

bool Generations::IsDue(const Generation& generation, WallTime wall_now) const {
  return generation.number() > history_.highest_active && MayServe(generation) &&
         !generation.is_quarantined && generation.WrapProblem().empty() &&
         generation.candidate.label.activation <= wall_now;
}

bool Generations::IsKnownLongEnough(const Generation& generation, Clock::time_point now,
                                    WallTime wall_now) const {
  if (history_.highest_active == 0) return true;
  const auto wanted = 2 * settings_.rescan_interval;
  if (now - generation.known_since >= wanted) return true;
  // An earlier process of this node knew it.
  const auto known = history_.keys.find(generation.candidate.key_id);
  return known != history_.keys.end() && wall_now - known->second.first_seen >= wanted;
}

// A token that is up and lacks it blocks; one that is down blocks where there is an older
// generation to go on with.
bool Generations::HasPassed(const Generation& generation, Clock::time_point now) const {
  bool is_ready = false;
  for (std::size_t token = 0; token < tokens_.size(); ++token) {
    const Held& held = generation.on[token];
    const bool passed = held.holding == Holding::kProved && held.self_tested &&
                        now - *held.self_tested < kPassIsFresh;
    if (is_up_[token] ? !passed : history_.highest_active != 0) return false;
    is_ready |= is_up_[token];
  }
  return is_ready;
}

// Its trial has not ended yet, and every token that is up may pass it.
bool Generations::MayPassSoon(const Generation& generation, Clock::time_point now) const {
  if (now - generation.known_since >= kPatience) return false;
  if (!generation.canary && !IsTrusted(generation)) return false;
  for (std::size_t token = 0; token < tokens_.size(); ++token) {
    const Holding holding = generation.on[token].holding;
    if (is_up_[token] && (holding == Holding::kAbsent || holding == Holding::kForeign))
      return false;
  }
  return true;
}

std::optional<std::uint32_t> Generations::ToActivate(Clock::time_point now,
                                                     WallTime wall_now) const {
  std::uint32_t best = 0;
  std::uint32_t awaited = 0;
  for (const auto& [key_id, generation] : all_) {
    if (!IsDue(generation, wall_now)) continue;
    const bool is_ready = generation.is_admitted && HasPassed(generation, now) &&
                          IsKnownLongEnough(generation, now, wall_now);
    if (is_ready) {
      best = std::max(best, generation.number());
    } else if (MayPassSoon(generation, now)) {
      awaited = std::max(awaited, generation.number());
    }
  }
  // A node that never served starts with the newest whose time has come: the others of its
  // cluster have left the older ones behind.
  const bool is_first = history_.highest_active == 0;
  if (best == 0 || (is_first && awaited > best)) return std::nullopt;
  return best;
}

const Generation* Generations::Active() const {
  if (history_.highest_active == 0) return nullptr;
  const Generation* active = nullptr;
  for (const auto& [key_id, generation] : all_) {
    if (generation.number() != history_.highest_active ||
        generation.verdict.standing != Standing::kAccepted)
      continue;
    if (!active || generation.is_admitted) active = &generation;
  }
  return active;
}

// A wrong context must not lead to a second key.
std::string Generations::WhichKeyIsMissing() const {
  for (std::size_t token = 0; token < tokens_.size(); ++token) {
    for (const auto& [key_id, claimants] : seen_[token]) {
      for (const auto& [label, kek] : claimants) {
        if (kek.candidate.label.context_tag == ContextTag(settings_.context)) continue;
        return "a key of this context: token " + tokens_[token].name + " holds " + label +
               " for another context; check keyrings[].context";
      }
    }
  }
  if (settings_.discovery == config::Discovery::kFile)
    return "a key: no token shows one that " + settings_.keys_file + " lists";
  return "a key: no token shows one of keyring " + settings_.name +
         " with this context; run `mortise key create`, or check keyrings[].context and tokens";
}

std::string Generations::WaitingFor(WallTime wall_now) const {
  if (!is_complete()) return "a token to come up and be searched";
  if (all_.empty()) return WhichKeyIsMissing();
  std::vector<const Generation*> order;
  for (const auto& [key_id, generation] : all_) order.push_back(&generation);
  std::ranges::stable_partition(order, [](const Generation* generation) {
    return generation->verdict.standing == Standing::kAccepted;
  });
  for (const Generation* generation : order) {
    const std::string& key_id = generation->candidate.key_id;
    if (const std::string problem = generation->WrapProblem(); !problem.empty())
      return "a key that may wrap: " + problem;
    if (generation->candidate.label.activation > wall_now) {
      return "the activation time of " + key_id + ", " +
             FormatTime(generation->candidate.label.activation);
    }
    if (!generation->canary && !IsTrusted(*generation)) {
      return "trust in " + key_id +
             ": this node has no canary of it; restore the state folder's canaries, or pin one";
    }
    if (generation->verdict.standing == Standing::kAccepted) break;
  }
  return "a first proof of the active key";
}

}  // namespace mortise::hsm
