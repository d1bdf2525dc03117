// SPDX-License-Identifier: Apache-2.0
// What a keyring says of itself: to Status, metrics and /statusz.
#include <algorithm>

#include "hsm/scheme/key_label.h"
#include "hsm/token_keyring.h"

namespace mortise::hsm {
namespace {

// Why a token is down, as short as a client may hear it: " (hsm-a: pin_rejected)".
std::string WhyDown(const std::string& name, const Token::Snapshot& token) {
  if (token.is_ready || token.problem.empty()) return {};
  return " (" + name + ": " + std::string(Name(token.problem_reason)) + ")";
}

std::optional<Reason> WhyDownReason(const Token::Snapshot& token) {
  if (token.is_ready || token.problem.empty()) return std::nullopt;
  return token.problem_reason;
}

void Raise(std::optional<Clock::time_point>& newest, Clock::time_point proof) {
  newest = std::max(newest.value_or(proof), proof);
}

// Whoever shows it names the token.
std::string WithoutName(const std::string& problem, const std::string& name) {
  const std::string prefix = "token " + name + ": ";
  return problem.starts_with(prefix) ? problem.substr(prefix.size()) : problem;
}

TokenStatus DescribedAs(const config::Token& settings, const config::KeyPolicy& policy,
                        const Token::Snapshot& token) {
  const std::string& name = settings.name;
  const auto waived = policy.waive.find(name);
  std::optional<AssuranceStatus> assurance;
  if (settings.assurance)
    assurance = CompareAssurance(*settings.assurance, token.description.firmware, WallNow());
  return {.name = name,
          .is_up = token.is_ready,
          .problem = WithoutName(token.problem, name),
          .problem_reason = WhyDownReason(token),
          .last_proof = {},
          .manufacturer = token.description.manufacturer,
          .model = token.description.model,
          .serial = token.description.serial,
          .firmware = token.description.firmware,
          .library = token.description.library,
          .worker_pids = token.worker_pids,
          .sessions = token.sessions,
          .queue_length = token.queue_length,
          .waived = waived == policy.waive.end() ? std::vector<std::string>() : waived->second,
          .assurance = std::move(assurance)};
}

GenerationState StateOf(const Generation& generation, bool is_active, std::uint32_t highest) {
  if (generation.is_quarantined) return GenerationState::kQuarantined;
  if (is_active) return GenerationState::kActive;
  if (generation.verdict.standing == Standing::kDecryptOnly || generation.number() <= highest)
    return GenerationState::kDecryptOnly;
  if (generation.verdict.standing == Standing::kIgnored) return GenerationState::kRefused;
  return GenerationState::kPending;
}

}  // namespace

std::optional<Error> TokenKeyring::FatalProblem() const {
  if (!generations_.is_complete() || generations_.highest_active() == 0) return std::nullopt;
  const Generation* active = generations_.Active();
  const std::string name = "generation " + std::to_string(generations_.highest_active()) +
                           " of keyring " + settings_.name;
  if (active == nullptr) {
    return Error(Reason::kKeyMissing,
                 "no token shows " + name + ", which is active; restore it, or check tokens[].uri");
  }
  if (active->is_quarantined)
    return Error(Reason::kKeyQuarantined, name + " is active and quarantined");
  bool is_held = false;
  bool is_foreign = false;
  bool any_scanned_up = false;
  for (std::size_t token = 0; token < group_.size(); ++token) {
    const Holding holding = active->on[token].holding;
    is_foreign |= holding == Holding::kForeign;
    is_held |= holding == Holding::kUnproved || holding == Holding::kProved;
    any_scanned_up |= group_.token(token).is_ready() && generations_.is_scanned(token);
  }
  if (is_held || !any_scanned_up) return std::nullopt;
  if (is_foreign)
    return Error(Reason::kKeyForeign,
                 name + " is other key material on the token; restore the right key");
  return Error(Reason::kKeyMissing,
               "no token shows " + name + ", which is active; restore it, or check tokens[].uri");
}

GenerationStatus TokenKeyring::StatusOf(const Generation& generation, bool is_active) const {
  const WrapUse use = budget_.Use(generation.candidate.key_id);
  GenerationStatus status{.key_id = generation.candidate.key_id,
                          .generation = generation.number(),
                          .scheme = std::string(Name(generation.candidate.label.scheme)),
                          .state = StateOf(generation, is_active, generations_.highest_active()),
                          .problem = generation.WrapProblem(),
                          .activation = generation.candidate.label.activation,
                          .wraps = use.wraps,
                          .wrap_limit = settings_.wrap_limit,
                          .last_unwrap = use.last_unwrap,
                          .tokens = {}};
  for (std::size_t token = 0; token < group_.size(); ++token) {
    const Holding holding = generation.on[token].holding;
    if (holding == Holding::kUnproved || holding == Holding::kProved)
      status.tokens.push_back(group_.token(token).name());
  }
  return status;
}

std::shared_ptr<const KeyringStatus> TokenKeyring::Status() const {
  auto status = std::make_shared<KeyringStatus>();
  std::string down;
  for (std::size_t token = 0; token < group_.size(); ++token) {
    const Token::Snapshot one = group_.token(token).Describe();
    down += WhyDown(group_.token(token).name(), one);
    status->tokens.push_back(DescribedAs(group_.token(token).settings(), settings_.policy, one));
  }
  const std::lock_guard lock(mutex_);
  const Generation* active = generations_.Active();
  for (const auto& [key_id, generation] : generations_.all()) {
    const bool is_active = &generation == active;
    status->generations.push_back(StatusOf(generation, is_active));
    for (std::size_t token = 0; token < group_.size(); ++token) {
      const auto proof = generation.life->LastProof(token);
      if (!proof) continue;
      Raise(status->tokens[token].last_proof, *proof);
      if (is_active) Raise(status->last_proof, *proof);
    }
  }
  if (snapshot_->active && status->last_proof) status->active_key_id = snapshot_->active->key_id;
  status->context_tag = ContextTag(settings_.context);
  status->fatal = FatalProblem();
  status->wrap_refusal = snapshot_->wrap_refusal;
  if (!status->last_proof) status->waiting_for = WaitingFor() + down;
  return status;
}

}  // namespace mortise::hsm
