// SPDX-License-Identifier: Apache-2.0
#include "cli/key_listing.h"

#include <algorithm>
#include <array>

#include "hsm/acceptance.h"
#include "hsm/canary_store.h"
#include "hsm/key_history.h"
#include "hsm/quarantine.h"
#include "hsm/scheme/key_id.h"
#include "hsm/scheme/key_label.h"

namespace mortise::cli {
namespace {

using hsm::Candidate;
using hsm::GenerationState;

// Nothing: not a wrap key of this keyring and cluster.
std::optional<Candidate> CandidateOf(const hsm::InventoryEntry& entry,
                                     const config::Keyring& keyring) {
  const auto label = hsm::ParseKeyLabel(entry.label);
  if (!label || label->keyring != keyring.name || label->role != hsm::KeyRole::kWrap ||
      label->withdrawn || label->context_tag != hsm::ContextTag(keyring.context)) {
    return std::nullopt;
  }
  const ByteView id = AsBytes(entry.cka_id);
  const std::array objects{hsm::KeyObject{.role = hsm::KeyRole::kWrap,
                                          .id = Bytes(id.begin(), id.end()),
                                          .public_key_digest = {},
                                          .salt = {}}};
  try {
    return Candidate{.label = *label,
                     .label_text = entry.label,
                     .cka_id = entry.cka_id,
                     .key_id = hsm::MakeKeyId(keyring.name, keyring.context, label->generation,
                                              label->scheme, objects)};
  } catch (const Error&) {
    return std::nullopt;  // an id that is too short to name a key by
  }
}

std::set<std::string> Pinned(const config::Keyring& keyring) {
  std::set<std::string> key_ids;
  if (keyring.canaries.empty()) return key_ids;
  for (const hsm::Canary& canary : hsm::ReadPinnedCanaries(keyring.canaries))
    key_ids.insert(canary.key_id);
  return key_ids;
}

GenerationState StateOf(const Candidate& candidate, const hsm::Verdict& verdict,
                        const hsm::KeyringHistory& history,
                        const std::set<std::string>& quarantined) {
  if (quarantined.contains(candidate.key_id)) return GenerationState::kQuarantined;
  if (verdict.standing == hsm::Standing::kIgnored) return GenerationState::kRefused;
  if (verdict.standing == hsm::Standing::kDecryptOnly) return GenerationState::kDecryptOnly;
  const std::uint32_t generation = candidate.label.generation;
  if (generation > history.highest_active) return GenerationState::kPending;
  return generation == history.highest_active ? GenerationState::kActive
                                              : GenerationState::kDecryptOnly;
}

}  // namespace

std::vector<ListedKey> ListKeys(
    const config::Keyring& keyring, const std::string& state_dir,
    const std::map<std::string, std::vector<hsm::InventoryEntry>>& inventory) {
  std::map<std::string, Candidate> candidates;
  std::map<std::string, std::map<std::string, hsm::PolicyReport>> reports;
  for (const auto& [token, entries] : inventory) {
    for (const hsm::InventoryEntry& entry : entries) {
      std::optional<Candidate> candidate = CandidateOf(entry, keyring);
      if (!candidate) continue;
      const hsm::PolicyReport report =
          hsm::JudgeKey(entry, hsm::KeyRole::kWrap, candidate->label.scheme, token, keyring);
      reports[candidate->key_id].emplace(token, report);
      candidate->is_never_extractable = report.is_never_extractable;
      candidate->keeps_policy = report.wrap_problem.empty();
      const auto [known, is_new] = candidates.emplace(candidate->key_id, *candidate);
      if (is_new) continue;
      known->second.is_never_extractable &= report.is_never_extractable;
      known->second.keeps_policy &= candidate->keeps_policy;
    }
  }
  std::vector<Candidate> all;
  for (const auto& [key_id, candidate] : candidates) all.push_back(candidate);
  const hsm::KeyringHistory history = hsm::KeyHistory(state_dir).Load(keyring.name);
  const auto verdicts = hsm::Judge(all, {.context_tag = hsm::ContextTag(keyring.context),
                                         .history = history,
                                         .pinned = Pinned(keyring)});
  const std::set<std::string> quarantined = hsm::QuarantinedKeys(state_dir);

  std::vector<ListedKey> keys;
  for (const Candidate& candidate : all) {
    const auto found = verdicts.find(candidate.key_id);
    const hsm::Verdict verdict = found == verdicts.end() ? hsm::Verdict{} : found->second;
    keys.push_back({.key_id = candidate.key_id,
                    .generation = candidate.label.generation,
                    .scheme = std::string(hsm::Name(candidate.label.scheme)),
                    .label = candidate.label_text,
                    .state = StateOf(candidate, verdict, history, quarantined),
                    .why = verdict.why,
                    .activation = candidate.label.activation,
                    .tokens = reports[candidate.key_id]});
  }
  std::ranges::stable_sort(keys, {}, &ListedKey::generation);
  return keys;
}

}  // namespace mortise::cli
