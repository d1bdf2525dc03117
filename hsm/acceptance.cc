// SPDX-License-Identifier: Apache-2.0
#include "hsm/acceptance.h"

#include <algorithm>
#include <optional>

namespace mortise::hsm {
namespace {

bool IsKnownTo(const AcceptanceFacts& facts, const Candidate& candidate) {
  return facts.history.keys.contains(candidate.key_id) || facts.pinned.contains(candidate.key_id);
}

class Judgement {
 public:
  Judgement(std::vector<const Candidate*> eligible, const AcceptanceFacts& facts)
      : eligible_(std::move(eligible)), facts_(facts), highest_(HighestAccepted()) {
    std::ranges::sort(eligible_, {}, [](const Candidate* c) { return c->label.generation; });
  }

  void Run(std::map<std::string, Verdict>& verdicts) {
    for (const Candidate* candidate : eligible_) verdicts[candidate->key_id] = JudgeOne(*candidate);
  }

 private:
  bool IsKnown(const Candidate& candidate) const { return IsKnownTo(facts_, candidate); }

  // Nothing: this node has no history, so the lowest generation present starts it.
  std::optional<std::uint32_t> HighestAccepted() const {
    std::optional<std::uint32_t> highest;
    const auto raise = [&](const std::string& key_id) {
      if (const auto parts = ParseKeyId(key_id))
        highest = std::max(highest.value_or(0), parts->generation);
    };
    for (const auto& [key_id, known] : facts_.history.keys) raise(key_id);
    for (const std::string& key_id : facts_.pinned) raise(key_id);
    return highest;
  }

  bool HasTwin(const Candidate& candidate, bool known) const {
    return std::ranges::any_of(eligible_, [&](const Candidate* other) {
      return other != &candidate && other->label.generation == candidate.label.generation &&
             other->key_id != candidate.key_id && (!known || IsKnown(*other));
    });
  }

  // It was not there when its time came, on a node that looked: nobody announced it.
  bool AppearedLate(const Candidate& candidate) const {
    return facts_.history.highest_active > 0 &&
           candidate.label.generation > facts_.history.highest_active &&
           facts_.history.last_complete_scan &&
           candidate.label.activation < *facts_.history.last_complete_scan;
  }

  Verdict JudgeOne(const Candidate& candidate) {
    const std::uint32_t generation = candidate.label.generation;
    if (IsKnown(candidate)) {
      // What it wrapped must open; the attribute policy keeps it from wrapping more.
      if (candidate.is_never_extractable) return {Standing::kAccepted, {}, {}};
      return {Standing::kAccepted, "key_attribute_lost",
              "the token no longer says that it was never extractable, so it wraps no more; see "
              "whether somebody changed the token or put another key in its place"};
    }
    if (HasTwin(candidate, true)) {
      return {Standing::kIgnored, "key_ignored",
              "another key of this generation is already in use; delete the newcomer if it is not "
              "yours"};
    }
    if (HasTwin(candidate, false)) {
      return {Standing::kIgnored, "key_ignored",
              "two unknown keys share this generation and neither can be trusted; delete the wrong "
              "one"};
    }
    if (highest_ && generation < *highest_) {
      return {Standing::kDecryptOnly, "key_not_accepted",
              "it is older than the highest generation in use"};
    }
    if (highest_ && generation > *highest_ + 1) {
      return {Standing::kDecryptOnly, "key_not_accepted",
              "generations before it are missing, so it opens but never wraps; if it is not yours, "
              "delete "
              "it, else restore those before it"};
    }
    if (AppearedLate(candidate)) {
      return {
          Standing::kDecryptOnly, "key_not_accepted",
          "it appeared after its activation time without having been announced, so it opens but "
          "never wraps; if it is not yours, delete it"};
    }
    highest_ = generation;
    return {Standing::kAccepted, {}, {}};
  }

  std::vector<const Candidate*> eligible_;
  const AcceptanceFacts& facts_;
  std::optional<std::uint32_t> highest_;
};

}  // namespace

std::map<std::string, Verdict> Judge(const std::vector<Candidate>& candidates,
                                     const AcceptanceFacts& facts) {
  std::map<std::string, Verdict> verdicts;
  std::vector<const Candidate*> eligible;
  for (const Candidate& candidate : candidates) {
    if (candidate.label.context_tag != facts.context_tag) {
      verdicts[candidate.key_id] = {Standing::kIgnored, "key_ignored",
                                    "its label names another context; check keyrings[].context"};
    } else if (candidate.label.scheme != SchemeId::kAesGcm ||
               candidate.label.role != KeyRole::kWrap) {
      verdicts[candidate.key_id] = {
          Standing::kIgnored, "key_ignored",
          "its scheme is not one this release knows; upgrade mortise on this node"};
    } else if (!candidate.is_never_extractable && !IsKnownTo(facts, candidate)) {
      verdicts[candidate.key_id] = {
          Standing::kIgnored, "key_ignored",
          "the token does not say that it was never extractable, so it may be a planted key"};
    } else {
      eligible.push_back(&candidate);
    }
  }
  Judgement(std::move(eligible), facts).Run(verdicts);
  return verdicts;
}

}  // namespace mortise::hsm
