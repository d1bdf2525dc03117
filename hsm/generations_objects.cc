// SPDX-License-Identifier: Apache-2.0
// Which of the objects that claim a key_id is the key: where there is a canary, it decides.
#include <algorithm>
#include <tuple>
#include <utility>

#include "hsm/generations.h"
#include "hsm/key_policy.h"

namespace mortise::hsm {
namespace {

std::string KeyIdFor(const config::Keyring& keyring, const KeyLabel& label,
                     std::string_view cka_id) {
  const KeyObject object{.role = KeyRole::kWrap,
                         .id = Bytes(cka_id.begin(), cka_id.end()),
                         .public_key_digest = {},
                         .salt = {}};
  return MakeKeyId(keyring.name, keyring.context, label.generation, label.scheme, {&object, 1});
}

}  // namespace

void Generations::See(std::size_t token, const InventoryEntry& entry, std::vector<Event>& events) {
  const std::optional<KeyLabel> label = ParseKeyLabel(entry.label);
  if (!label || label->keyring != settings_.name) return;
  const PolicyReport report = JudgeWrapKey(entry, tokens_[token].name, settings_.policy);
  Candidate candidate{.label = *label,
                      .label_text = entry.label,
                      .cka_id = entry.cka_id,
                      .is_never_extractable = report.is_never_extractable,
                      .keeps_policy = report.wrap_problem.empty()};
  try {
    candidate.key_id = KeyIdFor(settings_, *label, entry.cka_id);
  } catch (const Error& error) {
    // One object that anyone may have put there must not spoil the scan.
    return SayOnce(events, "key_ignored", entry.label, {}, error.what());
  }
  const std::string key_id = candidate.key_id;
  const auto same_key = seen_[token].find(key_id);
  if (same_key != seen_[token].end()) {
    SayOnce(events, "key_ignored", "twice:" + key_id, key_id,
            "token " + tokens_[token].name + " shows two objects of one CKA_ID as " +
                same_key->second.begin()->first + " and " + entry.label +
                "; delete the one that is not yours");
  }
  Seen one{std::move(candidate), report.wrap_problem};
  const auto [held, is_new] = seen_[token][key_id].try_emplace(entry.label, one);
  if (!is_new && IsBetter(token, one.candidate, token, held->second.candidate))
    held->second = std::move(one);
}

// Never one that did not open the canary, and of those that are labelled as a wrap key of this
// context the one that opened it; of those that were not asked yet the one that looks less
// planted. A later activation is the harmless one to believe.
bool Generations::IsBetter(std::size_t token, const Candidate& one, std::size_t other_token,
                           const Candidate& other) const {
  const auto found = all_.find(one.key_id);
  const std::string tag = ContextTag(settings_.context);
  const auto rank = [&](std::size_t where, const Candidate& candidate) {
    const Held unknown;
    const Held& held = found == all_.end() ? unknown : found->second.on[where];
    const bool is_known = held.holding == Holding::kProved && held.label == candidate.label_text;
    return std::tuple(!held.foreign.contains(candidate.label_text),
                      LabelProblem(candidate.label, tag).empty(), is_known,
                      candidate.is_never_extractable, candidate.keeps_policy,
                      candidate.label.activation, candidate.label_text);
  };
  return rank(token, one) > rank(other_token, other);
}

// What stands for each key_id, whichever token shows it.
std::vector<Candidate> Generations::Candidates() const {
  std::map<std::string, std::pair<std::size_t, Candidate>> best;
  for (std::size_t token = 0; token < tokens_.size(); ++token) {
    for (const auto& [key_id, claimants] : seen_[token]) {
      const Seen* const one = BestOf(token, key_id);
      if (one == nullptr) continue;
      const auto [held, is_new] = best.try_emplace(key_id, token, one->candidate);
      if (!is_new && IsBetter(token, one->candidate, held->second.first, held->second.second))
        held->second = {token, one->candidate};
    }
  }
  std::vector<Candidate> candidates;
  for (const auto& [key_id, one] : best) candidates.push_back(one.second);
  return candidates;
}

const Generations::Seen* Generations::BestOf(std::size_t token, const std::string& key_id) const {
  const auto claimants = seen_[token].find(key_id);
  if (claimants == seen_[token].end()) return nullptr;
  const Seen* best = nullptr;
  for (const auto& [label, seen] : claimants->second) {
    if (best == nullptr || IsBetter(token, seen.candidate, token, best->candidate)) best = &seen;
  }
  return best;
}

// Takes another object where there is a better one now. What was proved was proved of the one
// before; that all are foreign is believed until one opens the canary.
void Generations::Choose(Generation& generation, std::size_t token) {
  Held& held = generation.on[token];
  const std::string& key_id = generation.candidate.key_id;
  const Seen* const best = BestOf(token, key_id);
  if (best == nullptr) {
    held = Held{};
    return;
  }
  std::erase_if(held.foreign,
                [&](const std::string& label) { return !seen_[token].at(key_id).contains(label); });
  if (held.holding == Holding::kAbsent || held.label != best->candidate.label_text) {
    const Holding holding =
        held.holding == Holding::kForeign ? Holding::kForeign : Holding::kUnproved;
    held = {.holding = holding,
            .label = best->candidate.label_text,
            .cka_id = best->candidate.cka_id,
            .reference = nullptr,
            .foreign = std::move(held.foreign)};
    RenewReference(generation, held);
  }
  held.wrap_problem = best->wrap_problem;
}

void Generations::RenewReference(const Generation& generation, Held& held) const {
  held.reference = ReferenceTo(held, generation.candidate.key_id,
                               generation.canary ? &*generation.canary : nullptr);
}

// `object` is the key in the token that is used, `key_id` and `canary` those of the identity
// that it is used with: its own, but where a key must fail to open another's canary.
std::shared_ptr<const std::string> Generations::ReferenceTo(const Held& object,
                                                            const std::string& key_id,
                                                            const Canary* canary) const {
  KekReference reference{.label = object.label,
                         .cka_id = object.cka_id,
                         .keyring = settings_.name,
                         .context = settings_.context,
                         .key_id = key_id,
                         .canary = {}};
  if (canary != nullptr) {
    reference.canary = canary->blob;
    reference.canary_proof = canary->proof;
  }
  return std::make_shared<const std::string>(reference.Encode());
}

}  // namespace mortise::hsm
