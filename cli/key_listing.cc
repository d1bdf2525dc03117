// SPDX-License-Identifier: Apache-2.0
#include "cli/key_listing.h"

#include <algorithm>
#include <set>

#include "hsm/acceptance.h"
#include "hsm/canary_store.h"
#include "hsm/discovery.h"
#include "hsm/key_history.h"
#include "hsm/listed_acceptance.h"
#include "hsm/quarantine.h"
#include "hsm/scheme/key_id.h"
#include "hsm/scheme/key_label.h"

namespace mortise::cli {
namespace {

using hsm::Candidate;
using hsm::GenerationState;

// The object of that name, judged as the policy judges it.
ListedObject ObjectOf(const std::vector<hsm::InventoryEntry>& entries, const hsm::ObjectName& name,
                      hsm::KeyRole role, hsm::SchemeId scheme, const std::string& token,
                      const config::Keyring& keyring) {
  const auto found = std::ranges::find_if(entries, [&](const hsm::InventoryEntry& entry) {
    return entry.label == name.label && entry.cka_id == name.cka_id;
  });
  return {role, *found, hsm::JudgeKey(*found, role, scheme, token, keyring)};
}

HeldBy HoldingOf(const hsm::FoundKek& kek, const std::vector<hsm::InventoryEntry>& entries,
                 const std::string& token, const config::Keyring& keyring) {
  const hsm::SchemeId scheme = kek.candidate.label.scheme;
  HeldBy held{.wrap_problem = kek.wrap_problem, .objects = {}};
  held.objects.push_back(ObjectOf(entries, kek.wrap, hsm::KeyRole::kWrap, scheme, token, keyring));
  if (const auto role = hsm::FactsOf(scheme).authenticator)
    held.objects.push_back(ObjectOf(entries, kek.authenticator, *role, scheme, token, keyring));
  return held;
}

std::set<std::string> Pinned(const config::Keyring& keyring) {
  std::set<std::string> key_ids;
  if (keyring.canaries.empty()) return key_ids;
  for (const hsm::Canary& canary : hsm::ReadPinnedCanaries(keyring.canaries)) {
    const auto parts = hsm::ParseKeyId(canary.key_id);
    if (parts && parts->keyring == keyring.name) key_ids.insert(canary.key_id);
  }
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

std::optional<WallTime> CreatedAt(const std::string& key_id,
                                  const std::vector<hsm::Canary>& canaries) {
  const auto canary = std::ranges::find(canaries, key_id, &hsm::Canary::key_id);
  if (canary == canaries.end() || canary->source != hsm::CanarySource::kCreated) return {};
  return canary->first_seen;
}

}  // namespace

std::vector<ListedKey> ListKeys(const config::Keyring& keyring, const std::string& state_dir,
                                const Inventory& inventory, std::vector<std::string>& remarks) {
  std::map<std::string, Candidate> candidates;
  std::map<std::string, std::map<std::string, HeldBy>> holders;
  for (const auto& [token, entries] : inventory) {
    const hsm::Discovered discovered = hsm::Discover(entries, keyring, token);
    for (const hsm::Event& remark : discovered.remarks)
      remarks.push_back("keyring " + keyring.name + ", token " + token + ": " + remark.message);
    for (const hsm::FoundKek& kek : discovered.keks) {
      const Candidate& candidate = kek.candidate;
      holders[candidate.key_id].emplace(token, HoldingOf(kek, entries, token, keyring));
      const auto [known, is_new] = candidates.emplace(candidate.key_id, candidate);
      if (is_new) continue;
      known->second.is_never_extractable &= candidate.is_never_extractable;
      known->second.keeps_policy &= candidate.keeps_policy;
    }
  }
  std::vector<Candidate> all;
  for (const auto& [key_id, candidate] : candidates) all.push_back(candidate);
  const hsm::KeyringHistory history = hsm::KeyHistory(state_dir).Load(keyring.name);
  const hsm::AcceptanceFacts facts{.context_tag = hsm::ContextTag(keyring.context),
                                   .history = history,
                                   .pinned = Pinned(keyring)};
  const auto verdicts = keyring.discovery == config::Discovery::kFile ? hsm::JudgeListed(all, facts)
                                                                      : hsm::Judge(all, facts);
  const std::set<std::string> quarantined = hsm::QuarantinedKeys(state_dir);
  const std::vector<hsm::Canary> canaries = hsm::CanaryStore(state_dir).Load().canaries;

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
                    .created = CreatedAt(candidate.key_id, canaries),
                    .tokens = holders[candidate.key_id]});
  }
  std::ranges::stable_sort(keys, {}, &ListedKey::generation);
  return keys;
}

std::string_view AlgorithmOf(hsm::ObjectKind kind) {
  switch (kind) {
    case hsm::ObjectKind::kAes:
      return "AES";
    case hsm::ObjectKind::kMacSecret:
      return "HMAC-SHA256";
    case hsm::ObjectKind::kRsaPrivate:
      return "RSA";
    case hsm::ObjectKind::kEcPrivate:
      break;
  }
  return "EC";
}

}  // namespace mortise::cli
