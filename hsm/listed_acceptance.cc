// SPDX-License-Identifier: Apache-2.0
#include "hsm/listed_acceptance.h"

#include <algorithm>
#include <set>

#include "base/bytes.h"

namespace mortise::hsm {
namespace {

bool IsKnown(const std::string& key_id, const AcceptanceFacts& facts) {
  return facts.history.keys.contains(key_id) || facts.pinned.contains(key_id);
}

std::set<std::uint32_t> KnownGenerations(const AcceptanceFacts& facts) {
  std::set<std::uint32_t> generations;
  const auto add = [&](const std::string& key_id) {
    if (const auto parts = ParseKeyId(key_id)) generations.insert(parts->generation);
  };
  for (const auto& [key_id, known] : facts.history.keys) add(key_id);
  for (const std::string& key_id : facts.pinned) add(key_id);
  return generations;
}

Verdict DecryptOnly(std::string why) {
  return {Standing::kDecryptOnly, "key_not_accepted", std::move(why)};
}

// Never used, but where it may have wrapped something.
Verdict Ignored(const Candidate& candidate, const AcceptanceFacts& facts, std::string why) {
  if (facts.with_canary.contains(candidate.key_id)) return DecryptOnly(std::move(why));
  return {Standing::kIgnored, "key_ignored", std::move(why)};
}

// What the entry's state makes of a key that nothing speaks against.
Verdict AsListed(const Candidate& candidate, const AcceptanceFacts& facts) {
  if (!candidate.label.withdrawn) return {Standing::kAccepted, {}, {}};
  if (candidate.label.generation != facts.history.highest_active)
    return {Standing::kDecryptOnly, {}, "the keysFile lets it never become active"};
  return {Standing::kAccepted, "key_withdrawn_too_late",
          "it is active on this node already, and stays so until a newer generation is; list one"};
}

}  // namespace

std::map<std::string, Verdict> JudgeListed(const std::vector<Candidate>& candidates,
                                           const AcceptanceFacts& facts) {
  const std::set<std::uint32_t> known_generations = KnownGenerations(facts);
  std::map<std::uint32_t, std::size_t> matches;
  for (const Candidate& candidate : candidates) ++matches[candidate.label.generation];

  std::map<std::string, Verdict> verdicts;
  for (const Candidate& candidate : candidates) {
    Verdict& verdict = verdicts[candidate.key_id];
    const std::uint32_t generation = candidate.label.generation;
    const std::string id = ToHex(AsBytes(candidate.cka_id));
    if (IsKnown(candidate.key_id, facts)) {
      verdict = AsListed(candidate, facts);
    } else if (known_generations.contains(generation)) {
      verdict = Ignored(candidate, facts,
                        "another key of this generation is in use on this node, so the object with "
                        "id " +
                            id + " is not; list a new key as a new generation");
    } else if (matches[generation] > 1) {
      verdict = Ignored(candidate, facts,
                        "several objects match generation " + std::to_string(generation) +
                            ", of which one has id " + id +
                            "; let the keysFile name the right one by its id");
    } else if (facts.copies.contains(candidate.key_id)) {
      verdict = DecryptOnly("it opens another generation's canary: it is a copy of that key");
    } else if (facts.history.problem) {
      // No alarm of its own: the state folder's damage has been told of.
      verdict = {Standing::kDecryptOnly,
                 {},
                 "what this node knows of its keys cannot be read, so no other key is accepted "
                 "until the state folder is mended"};
    } else {
      verdict = AsListed(candidate, facts);
    }
  }
  return verdicts;
}

}  // namespace mortise::hsm
