// SPDX-License-Identifier: Apache-2.0
// What each token is to do next for a keyring's generations, and what follows from it.
#include <algorithm>
#include <utility>

#include "hsm/generations.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;

constexpr auto kLazyInterval = 200ms;  // proofs of old generations: five a second
constexpr auto kAfterFailure = 1s;
constexpr auto kAfterRefusal = 5s;
constexpr auto kAfterBadWrap = 60s;
constexpr auto kForeignAgain = 60s;
// A generation is tested once more when its time is near: activation wants a fresh pass.
constexpr auto kRehearsal = 10s;
constexpr auto kTestedLately = 30s;
constexpr std::string_view kUndecided = "self_test_undecided";

}  // namespace

struct Generations::Finished {
  std::size_t token;
  const Job& job;
  const Error* error;  // null: it succeeded
  std::string_view body;
  Clock::time_point now;
  WallTime wall_now;
  Generation& generation;
  Held& held;
  JobEffects& effects;
};

bool Generations::MayServe(const Generation& generation) const {
  return generation.verdict.standing == Standing::kAccepted &&
         generation.number() >= history_.highest_active;
}

bool Generations::IsTrusted(const Generation& generation) const {
  if (settings_.trust == config::Trust::kPinned) return false;  // only a pinned canary is trust
  if (generation.life->has_unwrapped.load()) return true;
  if (history_.problem) return false;
  if (history_.keys.empty() && pinned_.empty()) return true;
  return std::ranges::any_of(all_, [&](const auto& entry) {
    return entry.second.number() < generation.number() && entry.second.IsProvedAnywhere();
  });
}

std::optional<Job> Generations::NextJob(std::size_t token, Clock::time_point now,
                                        WallTime wall_now) {
  // What serves comes first; then upwards, since trust in one comes from those before it.
  std::vector<Generation*> order;
  for (auto& [key_id, generation] : all_) order.push_back(&generation);
  std::ranges::sort(order, [&](const Generation* a, const Generation* b) {
    const bool a_is_active = a->number() == history_.highest_active;
    const bool b_is_active = b->number() == history_.highest_active;
    return a_is_active != b_is_active ? a_is_active : a->number() < b->number();
  });
  for (Generation* generation : order) {
    if (std::optional<Job> job = JobFor(*generation, token, now, wall_now)) return job;
  }
  return std::nullopt;
}

std::optional<Job> Generations::JobFor(Generation& generation, std::size_t token,
                                       Clock::time_point now, WallTime wall_now) {
  Held& held = generation.on[token];
  if (held.holding == Holding::kAbsent || now < held.not_before) return std::nullopt;
  if (held.foreign.contains(held.wrap.label)) {
    held.foreign.clear();  // all were asked in vain: begin anew
    Choose(generation, token);
  }
  const bool may_serve = MayServe(generation);
  if (generation.canary) {
    const bool is_active = generation.number() == history_.highest_active;
    const auto proof = generation.life->LastProof(token);
    const bool is_due = is_active && (!proof || now - *proof >= tokens_[token].canary_interval);
    if (held.holding != Holding::kProved || is_due) {
      // Where several objects claim the key_id, Decrypt waits to know which it is.
      const bool is_urgent = may_serve || seen_[token].at(generation.candidate.key_id).size() > 1;
      if (is_urgent || now >= next_lazy_) {
        if (!is_urgent) next_lazy_ = now + kLazyInterval;
        return Job{Job::Kind::kOpenCanary,
                   generation.candidate.key_id,
                   {held.reference},
                   {},
                   held.wrap.label};
      }
      return std::nullopt;
    }
  }
  // The rest leads to wraps.
  if (!may_serve || generation.is_quarantined || held.holding == Holding::kForeign ||
      !held.wrap_problem.empty() || now < held.self_test_not_before)
    return std::nullopt;
  return TrialJob(generation, token, now, wall_now);
}

std::optional<Job> Generations::TrialJob(const Generation& generation, std::size_t token,
                                         Clock::time_point now, WallTime wall_now) const {
  const Held& held = generation.on[token];
  if (!generation.is_admitted) {
    if (std::optional<Job> job = DistinctJob(generation, held, token)) return job;
  }
  if (!generation.canary && !IsTrusted(generation)) return std::nullopt;
  const std::string& key_id = generation.candidate.key_id;
  const bool is_near = generation.number() > history_.highest_active &&
                       generation.candidate.label.activation <= wall_now + kRehearsal;
  if (!held.self_tested || (is_near && now - *held.self_tested >= kTestedLately))
    return Job{Job::Kind::kSelfTest, key_id, {held.reference}, {}, held.wrap.label};
  if (!generation.canary)
    return Job{Job::Kind::kMakeCanary, key_id, {held.reference}, {}, held.wrap.label};
  return std::nullopt;
}

// Also of generations that no token shows: a copy may outlive what it was copied from.
std::vector<std::string> Generations::UncheckedCanaries(const Generation& generation) const {
  std::vector<std::string> others;
  for (const auto& [key_id, canary] : canaries_) {
    const auto parts = ParseKeyId(key_id);
    if (parts && parts->keyring == settings_.name && key_id != generation.candidate.key_id &&
        !generation.distinct_from.contains(key_id))
      others.push_back(key_id);
  }
  return others;
}

std::optional<Job> Generations::DistinctJob(const Generation& generation, const Held& held,
                                            std::size_t token) const {
  Job job{Job::Kind::kCheckDistinct,
          generation.candidate.key_id,
          {},
          UncheckedCanaries(generation),
          held.wrap.label};
  if (job.others.empty()) return std::nullopt;
  for (const std::string& other : job.others) {
    if (const auto reference = ReferenceToCopyOf(other, held, token))
      job.keks.push_back(std::make_shared<const std::string>(reference->Encode()));
  }
  return job;
}

JobEffects Generations::OnJobDone(std::size_t token, const Job& job, const Error* error,
                                  std::string_view body, Clock::time_point now, WallTime wall_now) {
  JobEffects effects;
  const auto found = all_.find(job.key_id);
  // What came of an object says nothing of the one that is used since.
  if (found == all_.end() || found->second.on[token].wrap.label != job.label) return effects;
  const Finished finished{
      token, job, error, body, now, wall_now, found->second, found->second.on[token], effects};
  if (error != nullptr) finished.held.not_before = now + kAfterFailure;
  switch (job.kind) {
    case Job::Kind::kOpenCanary:
      OnCanaryOpened(finished);
      break;
    case Job::Kind::kCheckDistinct:
      OnDistinctChecked(finished);
      break;
    case Job::Kind::kSelfTest:
      OnSelfTested(finished);
      break;
    case Job::Kind::kMakeCanary:
      OnCanaryMade(finished);
      break;
  }
  return effects;
}

void Generations::OnCanaryOpened(const Finished& finished) {
  Held& held = finished.held;
  if (finished.error == nullptr) {
    held.holding = Holding::kProved;
    finished.generation.life->Proved(finished.token, finished.now);
  } else if (finished.error->reason() == Reason::kKeyMissing) {
    seen_[finished.token][finished.job.key_id].erase(held.wrap.label);
    Choose(finished.generation, finished.token);
  } else if (finished.error->reason() == Reason::kCiphertextRefused) {
    OnCanaryRefused(finished);
  }
  if (held.wrap.label != finished.generation.candidate.label_text)
    std::ranges::move(Rejudge(finished.now), std::back_inserter(finished.effects.events));
}

// The next object that claims the key_id is asked at once; the last one's refusal is the token's.
void Generations::OnCanaryRefused(const Finished& finished) {
  Held& held = finished.held;
  held.foreign.insert(held.wrap.label);
  if (held.holding == Holding::kProved) held.holding = Holding::kUnproved;
  Choose(finished.generation, finished.token);
  if (!held.foreign.contains(held.wrap.label)) return;
  held.not_before = finished.now + kForeignAgain;
  if (std::exchange(held.holding, Holding::kForeign) == Holding::kForeign) return;
  Say(finished, Severity::kError, "key_foreign",
      "the key under this name does not open its canary: it is other key material, and is not "
      "used on this token. Restore the right key, or point tokens[].uri at the right token");
}

void Generations::OnDistinctChecked(const Finished& finished) {
  Generation& generation = finished.generation;
  if (finished.error == nullptr) {
    generation.distinct_from.insert(finished.job.others.begin(), finished.job.others.end());
  } else if (finished.error->reason() == Reason::kKeyForeign) {
    copies_.insert(finished.job.key_id);
    generation.verdict = {Standing::kDecryptOnly, "key_not_accepted",
                          "it opens another generation's canary: it is a copy of that key"};
    if (!alarmed_.emplace(finished.job.key_id, generation.verdict.alarm).second) return;
    Say(finished, Severity::kError, generation.verdict.alarm, generation.verdict.why);
  }
}

void Generations::OnSelfTested(const Finished& finished) {
  if (finished.error == nullptr) {
    finished.held.self_tested = finished.now;
    finished.held.self_test_problem.clear();
    alarmed_.erase({finished.job.key_id, kUndecided});
  } else if (finished.error->reason() == Reason::kProofFailed) {
    finished.held.self_tested.reset();
    finished.held.self_test_problem = finished.error->what();
    finished.held.self_test_not_before = finished.now + kAfterBadWrap;
    Say(finished, Severity::kError, "self_test_failed",
        std::string(
            "this key does not wrap here until a self-test passes; one is made each minute: ") +
            finished.error->what());
  } else {
    TrySelfTestAgain(finished);
  }
}

// The token or the policy refuses, for a reason that a person mends or that passes: a caller
// hears it at once, and the test is made again without another worker.
void Generations::TrySelfTestAgain(const Finished& finished) {
  if (finished.error->reason() == Reason::kKeyRefused) {
    finished.held.self_test_problem = finished.error->what();
    finished.held.self_test_not_before = finished.now + kAfterRefusal;
  }
  if (alarmed_.emplace(finished.job.key_id, kUndecided).second) {
    Say(finished, Severity::kWarning, kUndecided,
        std::string("the self-test found nothing out and is tried again; until then "
                    "this key does not wrap here: ") +
            finished.error->what());
  }
}

void Generations::OnCanaryMade(const Finished& finished) {
  if (finished.error != nullptr || finished.body.size() <= sizeof(Digest)) return;
  Canary canary{.key_id = finished.job.key_id,
                .first_seen = finished.wall_now,
                .source = CanarySource::kFirstUse,
                .token = tokens_[finished.token].name,
                .blob = std::string(finished.body.substr(sizeof(Digest))),
                .proof = {}};
  std::copy_n(finished.body.begin(), canary.proof.size(), canary.proof.begin());
  finished.effects.canary_to_save = canary;
  canaries_[finished.job.key_id] = canary;
  SetCanary(finished.generation, canary);
  finished.held.holding = Holding::kProved;
  finished.generation.life->Proved(finished.token, finished.now);
  Say(finished, Severity::kInfo, "key_trusted_on_first_use",
      "this node had no canary of this key and made one; compare it with other nodes before you "
      "rely on it");
}

void Generations::Say(const Finished& finished, Severity severity, std::string_view name,
                      const std::string& message) const {
  finished.effects.events.push_back({.severity = severity,
                                     .name = name,
                                     .message = message,
                                     .fields = {{"keyring", settings_.name},
                                                {"key_id", finished.job.key_id},
                                                {"token", tokens_[finished.token].name}}});
}

}  // namespace mortise::hsm
