// SPDX-License-Identifier: Apache-2.0
#include "hsm/acceptance.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace mortise::hsm {
namespace {

constexpr std::string_view kIgnoredAlarm = "key_ignored";
constexpr std::string_view kRefusedAlarm = "key_not_accepted";

Verdict DecryptOnly(std::string why) {
  return {Standing::kDecryptOnly, kRefusedAlarm, std::move(why)};
}

bool IsKnown(const std::string& key_id, const AcceptanceFacts& facts) {
  return facts.history.keys.contains(key_id) || facts.pinned.contains(key_id);
}

// Never used, but where it may have wrapped something: its canary tells which object it is.
Verdict Ignored(const Candidate& candidate, const AcceptanceFacts& facts, std::string why) {
  if (IsKnown(candidate.key_id, facts) || facts.with_canary.contains(candidate.key_id))
    return DecryptOnly(std::move(why));
  return {Standing::kIgnored, kIgnoredAlarm, std::move(why)};
}

class Judgement {
 public:
  Judgement(std::vector<const Candidate*> eligible, const AcceptanceFacts& facts)
      : eligible_(std::move(eligible)), facts_(facts) {
    for (const auto& [key_id, known] : facts_.history.keys) Count(key_id);
    for (const std::string& key_id : facts_.pinned) Count(key_id);
    std::ranges::sort(eligible_, {}, [](const Candidate* c) { return c->label.generation; });
  }

  void Run(std::map<std::string, Verdict>& verdicts) {
    for (const Candidate* candidate : eligible_) verdicts[candidate->key_id] = JudgeOne(*candidate);
  }

 private:
  void Count(const std::string& key_id) {
    const auto parts = ParseKeyId(key_id);
    if (!parts) return;
    taken_.insert(parts->generation);
    highest_ = std::max(highest_.value_or(0), parts->generation);
  }

  // What it wrapped must open; the attribute policy keeps it from wrapping more.
  static Verdict JudgeKnown(const Candidate& candidate) {
    if (candidate.is_never_extractable) return {Standing::kAccepted, {}, {}};
    return {Standing::kAccepted, "key_attribute_lost",
            "the token no longer says that it was never extractable, so it wraps no more; see "
            "whether somebody changed the token or put another key in its place"};
  }

  std::optional<Verdict> JudgeTwins(const Candidate& candidate) const {
    for (const Candidate* other : eligible_) {
      if (other->label.generation != candidate.label.generation ||
          other->key_id == candidate.key_id)
        continue;
      if (other->keeps_policy && !candidate.keeps_policy) {
        return Ignored(candidate, facts_,
                       "it breaks the attribute policy, which another key of this generation "
                       "keeps; delete the one that is not yours");
      }
      if (other->keeps_policy == candidate.keeps_policy) {
        return DecryptOnly(
            "two unknown keys share this generation and neither can be trusted; "
            "delete the wrong one");
      }
    }
    return std::nullopt;
  }

  // It was not there when its time came, on a node that looked: nobody announced it.
  bool AppearedLate(const Candidate& candidate) const {
    return facts_.history.highest_active > 0 && !facts_.announced.contains(candidate.key_id) &&
           candidate.label.generation > facts_.history.highest_active &&
           facts_.history.last_complete_scan &&
           candidate.label.activation < *facts_.history.last_complete_scan;
  }

  Verdict JudgeOne(const Candidate& candidate) {
    const std::uint32_t generation = candidate.label.generation;
    if (IsKnown(candidate.key_id, facts_)) return JudgeKnown(candidate);
    // Also when the one in use is not to be seen now: else whoever hides it takes its place.
    if (taken_.contains(generation)) {
      return Ignored(candidate, facts_,
                     "another key of this generation is already in use; delete the newcomer if it "
                     "is not yours");
    }
    if (std::optional<Verdict> twins = JudgeTwins(candidate)) return *std::move(twins);
    if (facts_.history.problem) {
      // No alarm of its own: the state folder's damage has been told of.
      return {Standing::kDecryptOnly,
              {},
              "what this node knows of its keys cannot be read, so no other key is accepted until "
              "the state folder is mended"};
    }
    if (facts_.copies.contains(candidate.key_id)) {
      return DecryptOnly("it opens another generation's canary: it is a copy of that key");
    }
    if (highest_ && generation < *highest_)
      return DecryptOnly("it is older than the highest generation in use");
    if (highest_ && generation > *highest_ + 1) {
      return DecryptOnly(
          "generations before it are missing, so it opens but never wraps; if it is not "
          "yours, delete it, else restore those before it");
    }
    if (AppearedLate(candidate)) {
      return DecryptOnly(
          "it appeared after its activation time without having been announced, so it "
          "opens but never wraps; if it is not yours, delete it");
    }
    highest_ = generation;
    return {Standing::kAccepted, {}, {}};
  }

  std::vector<const Candidate*> eligible_;
  const AcceptanceFacts& facts_;
  std::set<std::uint32_t> taken_;         // generations of the keys that are known
  std::optional<std::uint32_t> highest_;  // nothing: no history, the lowest present starts it
};

}  // namespace

std::string LabelProblem(const KeyLabel& label, const std::string& context_tag) {
  if (label.context_tag != context_tag)
    return "its label names another context; check keyrings[].context";
  if (label.role != KeyRole::kWrap || label.withdrawn)
    return "its label is not one of a wrap key; delete it if it is not yours";
  return {};
}

std::map<std::string, Verdict> Judge(const std::vector<Candidate>& candidates,
                                     const AcceptanceFacts& facts) {
  std::map<std::string, Verdict> verdicts;
  std::vector<const Candidate*> eligible;
  for (const Candidate& candidate : candidates) {
    if (std::string problem = LabelProblem(candidate.label, facts.context_tag); !problem.empty()) {
      verdicts[candidate.key_id] = Ignored(candidate, facts, std::move(problem));
    } else if (!candidate.is_never_extractable && !IsKnown(candidate.key_id, facts)) {
      // Of a known key this stops wraps alone: its canary proves which key it is.
      verdicts[candidate.key_id] = Ignored(
          candidate, facts,
          "the token does not say that it was never extractable, so it may be a planted key");
    } else {
      eligible.push_back(&candidate);
    }
  }
  Judgement(std::move(eligible), facts).Run(verdicts);
  return verdicts;
}

}  // namespace mortise::hsm
