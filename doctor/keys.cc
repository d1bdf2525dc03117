// SPDX-License-Identifier: Apache-2.0
#include "doctor/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "config/keys_file.h"
#include "hsm/acceptance.h"
#include "hsm/canary_store.h"
#include "hsm/discovery.h"
#include "hsm/file_discovery.h"
#include "hsm/key_history.h"
#include "hsm/listed_acceptance.h"
#include "hsm/quarantine.h"

namespace mortise::doctor {
namespace {

// What this node remembers, of one keyring.
struct Memory {
  hsm::KeyringHistory history;
  std::map<std::string, hsm::Canary> canaries;  // by key_id
  std::set<std::string> pinned, quarantined;
};

Memory Recall(const config::Keyring& keyring, const std::string& state_dir, CheckList& list) {
  Memory memory{.history = hsm::KeyHistory(state_dir).Load(keyring.name)};
  const hsm::LoadedCanaries loaded = hsm::CanaryStore(state_dir).Load();
  for (const std::string& problem : loaded.problems) {
    list.Fail("canary", problem,
              "restore the file from a backup, or from another node of this cluster");
  }
  for (const hsm::Canary& canary : loaded.canaries) memory.canaries[canary.key_id] = canary;
  if (!keyring.canaries.empty()) {
    for (const hsm::Canary& canary : hsm::ReadPinnedCanaries(keyring.canaries)) {
      const auto parts = hsm::ParseKeyId(canary.key_id);
      if (!parts || parts->keyring != keyring.name) continue;
      memory.canaries[canary.key_id] = canary;
      memory.pinned.insert(canary.key_id);
    }
  }
  memory.quarantined = hsm::QuarantinedKeys(state_dir);
  return memory;
}

std::set<std::string> Names(const std::map<std::string, hsm::Canary>& canaries) {
  std::set<std::string> names;
  for (const auto& [key_id, canary] : canaries) names.insert(key_id);
  return names;
}

std::map<std::string, hsm::Verdict> Verdicts(const std::vector<hsm::Candidate>& candidates,
                                             const config::Keyring& keyring, const Memory& memory) {
  const hsm::AcceptanceFacts facts{.context_tag = hsm::ContextTag(keyring.context),
                                   .history = memory.history,
                                   .pinned = memory.pinned,
                                   .with_canary = Names(memory.canaries)};
  return keyring.discovery == config::Discovery::kFile ? hsm::JudgeListed(candidates, facts)
                                                       : hsm::Judge(candidates, facts);
}

// Beside the keys of this context there may be those of another, which are left alone.
bool IsOfAnotherContext(const hsm::FoundKek& kek, const config::Keyring& keyring) {
  return kek.candidate.label.context_tag != hsm::ContextTag(keyring.context);
}

void JudgeMissing(const std::string& subject, const config::Keyring& keyring, const Memory& memory,
                  std::size_t strangers, CheckList& list) {
  if (!memory.history.keys.empty()) {
    return list.Fail("key",
                     fmt::format("{}: this node knows {}, but the token does not show it", subject,
                                 memory.history.keys.rbegin()->first),
                     "see that tokens[].uri names the right token, and restore its key from the "
                     "HSM's backup: a new key cannot open what the old one has wrapped");
  }
  if (strangers > 0) {
    return list.Fail(
        "key", fmt::format("{}: the token has keys of that name for another context only", subject),
        "correct keyrings[].context, or give this cluster's keyring another name");
  }
  if (keyring.discovery == config::Discovery::kFile) {
    return list.Fail(
        "key", fmt::format("{}: the token shows no key that {} lists", subject, keyring.keys_file),
        "compare its labels and ids with what the HSM's own tool lists");
  }
  list.Fail("key", fmt::format("{}: the token has no key", subject),
            fmt::format("mortise key create --config FILE --admin-config FILE --keyring {}",
                        keyring.name));
}

// Others are there, but not the one that wraps.
void JudgeMissing(const std::string& place, std::uint32_t active, CheckList& list) {
  list.Fail(
      "key",
      fmt::format("{}: this node serves generation {}, and no key of it is there", place, active),
      "restore that key, or undo what was changed in keysFile: nothing else opens what it "
      "has wrapped");
}

void JudgeCanary(const KnownKek& kek, const std::string& subject, const config::Keyring& keyring,
                 const Memory& memory, CheckList& list) {
  if (kek.canary) {
    return list.Pass("canary", fmt::format("{}: its canary is of source {}", subject,
                                           hsm::Name(kek.canary->source)));
  }
  const std::string& key_id = kek.found.candidate.key_id;
  if (keyring.trust == config::Trust::kPinned) {
    return list.Fail(
        "canary", fmt::format("{}: no pinned canary proves it", subject),
        fmt::format("add its line to {}: `key create --canary-out` wrote it", keyring.canaries));
  }
  if (memory.history.keys.contains(key_id)) {
    return list.Fail("canary",
                     fmt::format("{}: this node knows the key, but has lost its canary", subject),
                     "restore canaries/ of the state folder, or copy the file from another node "
                     "of this cluster");
  }
  list.Pass("canary", fmt::format("{}: no canary yet; the service makes it at first use", subject));
}

void JudgeOne(const KnownKek& kek, const hsm::Verdict& verdict, const std::string& subject,
              const Memory& memory, CheckList& list) {
  const std::string& key_id = kek.found.candidate.key_id;
  const std::string look = "look at it with `mortise key list`";
  if (memory.quarantined.contains(key_id)) {
    const std::string what = subject + " is quarantined: nothing that it wrapped is opened";
    const std::string hint = "if that is over, release it: see docs/state-folder.md, quarantine/";
    return kek.is_active ? list.Fail("key", what, hint) : list.Warn("key", what, hint);
  }
  if (verdict.standing != hsm::Standing::kAccepted) {
    const auto [what, hint] = TakeApart(verdict.why, look);
    return list.Warn("key", fmt::format("{}: {}", subject, what), hint);
  }
  if (!kek.found.wrap_problem.empty()) {
    const auto [what, hint] = TakeApart(kek.found.wrap_problem, look);
    const std::string shown = fmt::format("{} may open but not wrap: {}", subject, what);
    return kek.is_active ? list.Fail("key-policy", shown, hint)
                         : list.Warn("key-policy", shown, hint);
  }
  list.Pass("key", fmt::format("{}{}", subject, kek.is_active ? ", active" : ""));
}

// The one that this node serves, or would serve first.
std::uint32_t ActiveGeneration(const std::vector<KnownKek>& keks, const Memory& memory) {
  if (memory.history.highest_active > 0 || keks.empty()) return memory.history.highest_active;
  return std::ranges::min_element(
             keks, {}, [](const KnownKek& kek) { return kek.found.candidate.label.generation; })
      ->found.candidate.label.generation;
}

}  // namespace

std::set<hsm::NameDigest> ListedObjects(const std::vector<config::Keyring>& keyrings) {
  std::set<hsm::NameDigest> names;
  for (const config::Keyring& keyring : keyrings) {
    if (keyring.discovery != config::Discovery::kFile) continue;
    try {
      names.merge(hsm::NamesOf(config::LoadKeysFile(keyring.keys_file)));
    } catch (const Error&) {
      // JudgeKeys tells.
    }
  }
  return names;
}

std::vector<KnownKek> CheckKeys(const hsm::KeyTable& table, const config::Token& token,
                                const config::Keyring& keyring, const std::string& state_dir,
                                CheckList& list) {
  try {
    return JudgeKeys(hsm::EntriesOf(table), token, keyring, state_dir, list);
  } catch (const Error& error) {
    const auto [what, hint] = TakeApart(error.what(), "mend the file that it names");
    list.Fail("key", fmt::format("keyring {}: {}", keyring.name, what), hint);
    return {};
  }
}

std::vector<KnownKek> JudgeKeys(const std::vector<hsm::InventoryEntry>& entries,
                                const config::Token& token, const config::Keyring& keyring,
                                const std::string& state_dir, CheckList& list) {
  const Memory memory = Recall(keyring, state_dir, list);
  const hsm::Discovered discovered = hsm::Discover(entries, keyring, token.name);
  for (const hsm::Event& remark : discovered.remarks) {
    const auto [what, hint] = TakeApart(remark.message, "delete the object if it is not yours");
    list.Warn("key-ignored", what, hint);
  }
  std::vector<KnownKek> keks;
  std::vector<hsm::Candidate> candidates;
  std::size_t strangers = 0;
  for (const hsm::FoundKek& found : discovered.keks) {
    const bool is_by_label = keyring.discovery == config::Discovery::kToken;
    if (is_by_label && found.candidate.label.withdrawn) continue;
    if (is_by_label && IsOfAnotherContext(found, keyring)) {
      ++strangers;
      continue;
    }
    const auto canary = memory.canaries.find(found.candidate.key_id);
    keks.push_back({.found = found, .canary = {}});
    if (canary != memory.canaries.end()) keks.back().canary = canary->second;
    candidates.push_back(found.candidate);
  }
  const std::string place = fmt::format("keyring {}, token {}", keyring.name, token.name);
  if (keks.empty()) {
    JudgeMissing(place, keyring, memory, strangers, list);
    return keks;
  }
  const auto verdicts = Verdicts(candidates, keyring, memory);
  const std::uint32_t active = ActiveGeneration(keks, memory);
  const bool has_active = std::ranges::any_of(
      keks, [&](const KnownKek& kek) { return kek.found.candidate.label.generation == active; });
  if (!has_active) JudgeMissing(place, active, list);
  for (KnownKek& kek : keks) {
    const hsm::Candidate& candidate = kek.found.candidate;
    kek.is_active = candidate.label.generation == active;
    const std::string subject = fmt::format("{}: {}, scheme {}", place, candidate.key_id,
                                            hsm::Name(candidate.label.scheme));
    const auto verdict = verdicts.find(candidate.key_id);
    JudgeOne(kek, verdict == verdicts.end() ? hsm::Verdict{} : verdict->second, subject, memory,
             list);
    JudgeCanary(kek, subject, keyring, memory, list);
  }
  return keks;
}

}  // namespace mortise::doctor
