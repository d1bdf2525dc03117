// SPDX-License-Identifier: Apache-2.0
// Which of the objects that claim a key_id is the key: where there is a canary, it decides.
#include <algorithm>
#include <tuple>
#include <utility>

#include "hsm/generations.h"

namespace mortise::hsm {
namespace {

// As a label says it; nothing: this release knows no such envelope.
std::optional<SchemeId> SchemeOf(const Canary& canary) {
  try {
    const SchemeId scheme = Envelope::Parse(AsBytes(canary.blob)).scheme;
    return scheme == SchemeId::kAesGcmPrepended ? SchemeId::kAesGcm : scheme;
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

void Generations::See(std::size_t token, const FoundKek& kek, std::vector<Event>& events) {
  const std::string& key_id = kek.candidate.key_id;
  Claimants& claimants = seen_[token][key_id];
  if (!claimants.empty()) {
    SayOnce(events, "key_ignored", "twice:" + key_id, key_id,
            "token " + tokens_[token].name + " shows two objects of one CKA_ID as " +
                claimants.begin()->first + " and " + kek.wrap.label +
                "; delete the one that is not yours");
  }
  const auto [held, is_new] = claimants.try_emplace(kek.wrap.label, kek);
  if (!is_new && IsBetter(token, kek, token, held->second)) held->second = kek;
}

// Never one that did not open the canary, and of those that are labelled as a wrap key of this
// context the one that opened it; of those that were not asked yet the one that looks less
// planted. A later activation is the harmless one to believe.
bool Generations::IsBetter(std::size_t token, const FoundKek& one, std::size_t other_token,
                           const FoundKek& other) const {
  const auto found = all_.find(one.candidate.key_id);
  const std::string tag = ContextTag(settings_.context);
  const auto rank = [&](std::size_t where, const FoundKek& kek) {
    const Candidate& candidate = kek.candidate;
    const Held unknown;
    const Held& held = found == all_.end() ? unknown : found->second.on[where];
    const bool is_known = held.holding == Holding::kProved && held.wrap == kek.wrap;
    return std::tuple(!held.foreign.contains(kek.wrap.label),
                      LabelProblem(candidate.label, tag).empty(), is_known,
                      candidate.is_never_extractable, candidate.keeps_policy,
                      candidate.label.activation, kek.wrap.label);
  };
  return rank(token, one) > rank(other_token, other);
}

// What stands for each key_id, whichever token shows it.
std::vector<Candidate> Generations::Candidates() const {
  std::map<std::string, std::pair<std::size_t, const FoundKek*>> best;
  for (std::size_t token = 0; token < tokens_.size(); ++token) {
    for (const auto& [key_id, claimants] : seen_[token]) {
      const FoundKek* const one = BestOf(token, key_id);
      if (one == nullptr) continue;
      const auto [held, is_new] = best.try_emplace(key_id, token, one);
      if (!is_new && IsBetter(token, *one, held->second.first, *held->second.second))
        held->second = {token, one};
    }
  }
  std::vector<Candidate> candidates;
  for (const auto& [key_id, one] : best) candidates.push_back(one.second->candidate);
  return candidates;
}

const FoundKek* Generations::BestOf(std::size_t token, const std::string& key_id) const {
  const auto claimants = seen_[token].find(key_id);
  if (claimants == seen_[token].end()) return nullptr;
  const FoundKek* best = nullptr;
  for (const auto& [label, kek] : claimants->second) {
    if (best == nullptr || IsBetter(token, kek, token, *best)) best = &kek;
  }
  return best;
}

// Takes another object where there is a better one now. What was proved was proved of the one
// before; that all are foreign is believed until one opens the canary.
void Generations::Choose(Generation& generation, std::size_t token) {
  Held& held = generation.on[token];
  const std::string& key_id = generation.candidate.key_id;
  const FoundKek* const best = BestOf(token, key_id);
  if (best == nullptr) {
    held = Held{};
    return;
  }
  std::erase_if(held.foreign,
                [&](const std::string& label) { return !seen_[token].at(key_id).contains(label); });
  if (held.holding == Holding::kAbsent || held.wrap != best->wrap ||
      held.authenticator != best->authenticator) {
    const Holding holding =
        held.holding == Holding::kForeign ? Holding::kForeign : Holding::kUnproved;
    held = {.holding = holding,
            .wrap = best->wrap,
            .authenticator = best->authenticator,
            .scheme = best->candidate.label.scheme,
            .reference = nullptr,
            .foreign = std::move(held.foreign)};
    RenewReference(generation, held);
  }
  held.wrap_problem = best->wrap_problem;
}

void Generations::RenewReference(const Generation& generation, Held& held) const {
  held.reference = std::make_shared<const std::string>(
      ReferenceTo(held, generation.candidate.key_id,
                  generation.canary ? &*generation.canary : nullptr)
          .Encode());
}

KekReference Generations::ReferenceTo(const Held& held, const std::string& key_id,
                                      const Canary* canary) const {
  KekReference reference{
      .label = held.wrap.label,
      .cka_id = held.wrap.cka_id,
      .authenticator_label = held.authenticator.label,
      .authenticator_id = held.authenticator.cka_id,
      .keyring = settings_.name,
      .context = settings_.context,
      .key_id = key_id,
      .canary = {},
      .scheme = held.scheme,
      .forbids_caller_iv = settings_.policy.mode == config::PolicyMode::kFips,
  };
  if (canary != nullptr) {
    reference.canary = canary->blob;
    reference.canary_proof = canary->proof;
  }
  return reference;
}

// The key with the identity, canary and authenticator of another generation: if it opens that,
// it is a copy. Nothing: it could not, or that authenticator is not there to ask with.
std::optional<KekReference> Generations::ReferenceToCopyOf(const std::string& other,
                                                           const Held& held,
                                                           std::size_t token) const {
  const Canary& canary = canaries_.at(other);
  const std::optional<SchemeId> scheme = SchemeOf(canary);
  if (!scheme || FactsOf(*scheme).wrap_key != FactsOf(held.scheme).wrap_key) return std::nullopt;
  KekReference reference = ReferenceTo(held, other, &canary);
  reference.scheme = *scheme;
  reference.authenticator_label.clear();
  reference.authenticator_id.clear();
  reference.must_not_open = true;
  if (!FactsOf(*scheme).authenticator) return reference;
  const auto found = all_.find(other);
  if (found == all_.end() || found->second.on[token].holding == Holding::kAbsent)
    return std::nullopt;
  reference.authenticator_label = found->second.on[token].authenticator.label;
  reference.authenticator_id = found->second.on[token].authenticator.cka_id;
  return reference;
}

}  // namespace mortise::hsm
