// SPDX-License-Identifier: Apache-2.0
#include "hsm/generations.h"

#include <algorithm>
#include <functional>
#include <ranges>
#include <utility>

#include "hsm/key_policy.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;

constexpr auto kLazyInterval = 200ms;  // proofs of old generations: five a second
constexpr auto kAfterFailure = 1s;
constexpr auto kForeignAgain = 60s;

std::string KeyIdFor(const config::Keyring& keyring, const KeyLabel& label,
                     std::string_view cka_id) {
  const KeyObject object{.role = KeyRole::kWrap,
                         .id = Bytes(cka_id.begin(), cka_id.end()),
                         .public_key_digest = {},
                         .salt = {}};
  return MakeKeyId(keyring.name, keyring.context, label.generation, label.scheme, {&object, 1});
}

Event KeyEvent(Severity severity, std::string_view name, std::string message,
               const config::Keyring& keyring, const std::string& key_id) {
  return {.severity = severity,
          .name = name,
          .message = std::move(message),
          .fields = {{"keyring", keyring.name}, {"key_id", key_id}}};
}

}  // namespace

Generations::Generations(const config::Keyring& settings, std::vector<config::Token> tokens)
    : settings_(settings),
      tokens_(std::move(tokens)),
      seen_(tokens_.size()),
      is_scanned_(tokens_.size()),
      is_up_(tokens_.size()) {}

void Generations::Remember(const KeyringHistory& history, const std::vector<Canary>& canaries) {
  const std::uint32_t latched = std::max(history_.highest_active, history.highest_active);
  history_ = history;
  history_.highest_active = latched;
  for (const Canary& canary : canaries) {
    canaries_.insert_or_assign(canary.key_id, canary);
    if (canary.source == CanarySource::kPinned) pinned_.insert(canary.key_id);
    const auto found = all_.find(canary.key_id);
    if (found == all_.end() || found->second.canary) continue;
    found->second.canary = canary;
    found->second.reference = ReferenceTo(found->second.candidate, found->second);
  }
}

bool Generations::LacksCanary() const {
  return std::ranges::any_of(all_, [](const auto& entry) { return !entry.second.canary; });
}

void Generations::SetQuarantined(const std::set<std::string>& key_ids) {
  quarantined_ = key_ids;
  for (auto& [key_id, generation] : all_) generation.is_quarantined = quarantined_.contains(key_id);
}

std::vector<Event> Generations::OnInventory(std::size_t token,
                                            const std::vector<InventoryEntry>& entries,
                                            Clock::time_point now) {
  std::map<std::string, Seen>& seen = seen_[token];
  seen.clear();
  for (const InventoryEntry& entry : entries) {
    const std::optional<KeyLabel> label = ParseKeyLabel(entry.label);
    if (!label || label->keyring != settings_.name) continue;
    const PolicyReport report = JudgeWrapKey(entry, tokens_[token].name, settings_.policy);
    Candidate candidate{.label = *label,
                        .label_text = entry.label,
                        .cka_id = entry.cka_id,
                        .key_id = KeyIdFor(settings_, *label, entry.cka_id),
                        .is_never_extractable = report.is_never_extractable};
    const std::string key_id = candidate.key_id;
    const Seen one{std::move(candidate), report.wrap_problem};
    const auto [known, is_first] = seen.try_emplace(key_id, one);
    if (!is_first && one.credibility() > known->second.credibility()) known->second = one;
  }
  is_scanned_[token] = true;
  return Rejudge(now);
}

std::vector<Event> Generations::Rejudge(Clock::time_point now) {
  std::map<std::string, Candidate> by_key_id;
  for (const auto& seen : seen_) {
    for (const auto& [key_id, one] : seen) by_key_id.emplace(key_id, one.candidate);
  }
  std::vector<Candidate> candidates;
  for (const auto& [key_id, candidate] : by_key_id) candidates.push_back(candidate);
  const std::map<std::string, Verdict> verdicts =
      Judge(candidates,
            {.context_tag = ContextTag(settings_.context), .history = history_, .pinned = pinned_});

  std::vector<Event> events;
  for (const Candidate& candidate : candidates) {
    const Verdict& verdict = verdicts.at(candidate.key_id);
    if (!verdict.alarm.empty() && alarmed_.emplace(candidate.key_id, verdict.alarm).second) {
      events.push_back(KeyEvent(Severity::kWarning, verdict.alarm,
                                "key " + candidate.label_text + ": " + verdict.why, settings_,
                                candidate.key_id));
    }
    if (verdict.standing == Standing::kIgnored) continue;
    Refresh(all_[candidate.key_id], candidate, verdict, now);
  }
  // One that vanished stays known, held nowhere: that is what makes its absence visible.
  for (auto& [key_id, generation] : all_) {
    for (std::size_t token = 0; token < tokens_.size(); ++token) {
      if (!seen_[token].contains(key_id)) generation.on[token] = Held{};
    }
  }
  return events;
}

void Generations::Refresh(Generation& generation, const Candidate& candidate,
                          const Verdict& verdict, Clock::time_point now) {
  if (!generation.life) {
    generation.candidate = candidate;
    generation.life = std::make_shared<KekLife>(tokens_.size());
    generation.on.resize(tokens_.size());
    generation.known_since = now;
    generation.is_quarantined = quarantined_.contains(candidate.key_id);
  }
  generation.verdict = verdict;
  generation.is_admitted =
      history_.keys.contains(candidate.key_id) || pinned_.contains(candidate.key_id);
  if (const auto canary = canaries_.find(candidate.key_id); canary != canaries_.end())
    generation.canary = canary->second;
  generation.reference = ReferenceTo(generation.candidate, generation);
  for (std::size_t token = 0; token < tokens_.size(); ++token) {
    const auto seen = seen_[token].find(candidate.key_id);
    if (seen == seen_[token].end()) continue;
    Held& held = generation.on[token];
    if (held.holding == Holding::kAbsent) held.holding = Holding::kUnproved;
    held.wrap_problem = seen->second.wrap_problem;
  }
}

// `object` is the key in the token that is used, `named` the identity and the canary that
// it is used with: the same, but where a key must fail to open another's canary.
std::shared_ptr<const std::string> Generations::ReferenceTo(const Candidate& object,
                                                            const Generation& named) const {
  KekReference reference{.label = object.label_text,
                         .cka_id = object.cka_id,
                         .keyring = settings_.name,
                         .context = settings_.context,
                         .key_id = named.candidate.key_id,
                         .canary = {}};
  if (named.canary) {
    reference.canary = named.canary->blob;
    reference.canary_proof = named.canary->proof;
  }
  return std::make_shared<const std::string>(reference.Encode());
}

void Generations::OnNewWorker(std::size_t token) {
  for (auto& [key_id, generation] : all_) {
    Held& held = generation.on[token];
    if (held.holding != Holding::kAbsent) held.holding = Holding::kUnproved;
    held.not_before = {};
  }
}

bool Generations::MayServe(const Generation& generation) const {
  return generation.verdict.standing == Standing::kAccepted &&
         generation.number() >= history_.highest_active;
}

bool Generations::IsTrusted(const Generation& generation) const {
  if (settings_.trust == config::Trust::kPinned) return false;  // only a pinned canary is trust
  if (generation.life->has_unwrapped.load()) return true;
  if (history_.problem) return false;
  if (history_.keys.empty()) return true;
  return std::ranges::any_of(all_, [&](const auto& entry) {
    return entry.second.number() < generation.number() && entry.second.IsProvedAnywhere();
  });
}

std::optional<Job> Generations::NextJob(std::size_t token, Clock::time_point now) {
  // What serves comes first; then upwards, since trust in one comes from those before it.
  std::vector<Generation*> order;
  for (auto& [key_id, generation] : all_) order.push_back(&generation);
  std::ranges::sort(order, [&](const Generation* a, const Generation* b) {
    const bool a_is_active = a->number() == history_.highest_active;
    const bool b_is_active = b->number() == history_.highest_active;
    return a_is_active != b_is_active ? a_is_active : a->number() < b->number();
  });
  for (Generation* generation : order) {
    if (std::optional<Job> job = JobFor(*generation, token, now)) return job;
  }
  return std::nullopt;
}

std::optional<Job> Generations::JobFor(Generation& generation, std::size_t token,
                                       Clock::time_point now) {
  Held& held = generation.on[token];
  if (held.holding == Holding::kAbsent || now < held.not_before) return std::nullopt;
  const std::string& key_id = generation.candidate.key_id;
  const bool may_serve = MayServe(generation);
  if (generation.canary) {
    const bool is_active = generation.number() == history_.highest_active;
    const auto proof = generation.life->LastProof(token);
    const bool is_due = is_active && (!proof || now - *proof >= canary_interval(token));
    if (held.holding != Holding::kProved || is_due) {
      if (!may_serve && std::exchange(next_lazy_, std::max(next_lazy_, now)) > now)
        return std::nullopt;
      if (!may_serve) next_lazy_ = now + kLazyInterval;
      return Job{Job::Kind::kOpenCanary, key_id, {generation.reference}};
    }
  }
  if (!may_serve || held.holding == Holding::kForeign || !held.wrap_problem.empty())
    return std::nullopt;
  if (!generation.is_admitted && !generation.is_distinct) {
    Job job{Job::Kind::kCheckDistinct, key_id, {}};
    for (const auto& [other_id, other] : all_) {
      if (other_id != key_id && other.canary)
        job.keks.push_back(ReferenceTo(generation.candidate, other));
    }
    return job;
  }
  if (!generation.canary && !IsTrusted(generation)) return std::nullopt;
  if (!held.is_self_tested) return Job{Job::Kind::kSelfTest, key_id, {generation.reference}};
  if (!generation.canary) return Job{Job::Kind::kMakeCanary, key_id, {generation.reference}};
  return std::nullopt;
}

JobEffects Generations::OnJobDone(std::size_t token, const Job& job, const Error* error,
                                  std::string_view body, Clock::time_point now, WallTime wall_now) {
  JobEffects effects;
  const auto found = all_.find(job.key_id);
  if (found == all_.end()) return effects;
  Generation& generation = found->second;
  Held& held = generation.on[token];
  const auto say = [&](Severity severity, std::string_view name, const std::string& message) {
    Event event = KeyEvent(severity, name, message, settings_, job.key_id);
    event.fields.emplace_back("token", tokens_[token].name);
    effects.events.push_back(std::move(event));
  };
  if (error != nullptr) held.not_before = now + kAfterFailure;
  switch (job.kind) {
    case Job::Kind::kOpenCanary:
      if (error == nullptr) {
        held.holding = Holding::kProved;
        generation.life->Proved(token, now);
      } else if (error->reason() == Reason::kKeyMissing) {
        held = Held{};
      } else if (error->reason() == Reason::kCiphertextRefused) {
        held.not_before = now + kForeignAgain;
        if (std::exchange(held.holding, Holding::kForeign) != Holding::kForeign) {
          say(Severity::kError, "key_foreign",
              "the key under this name does not open its canary: it is other key material, and is "
              "not used on this "
              "token. Restore the right key, or point tokens[].uri at the right token");
        }
      }
      break;
    case Job::Kind::kCheckDistinct:
      if (error == nullptr) {
        generation.is_distinct = true;
      } else if (error->reason() == Reason::kKeyForeign) {
        generation.verdict = {Standing::kDecryptOnly, "key_not_accepted",
                              "it opens another generation's canary: it is a copy of that key"};
        say(Severity::kError, "key_not_accepted", generation.verdict.why);
      }
      break;
    case Job::Kind::kSelfTest:
      if (error == nullptr) {
        held.is_self_tested = true;
      } else if (error->reason() == Reason::kProofFailed) {
        held.wrap_problem = error->what();
        say(Severity::kError, "self_test_failed",
            std::string("this key never wraps here: ") + error->what());
      }
      break;
    case Job::Kind::kMakeCanary:
      if (error != nullptr || body.size() <= sizeof(Digest)) break;
      Canary canary{.key_id = job.key_id,
                    .first_seen = wall_now,
                    .source = CanarySource::kFirstUse,
                    .token = tokens_[token].name,
                    .blob = std::string(body.substr(sizeof(Digest))),
                    .proof = {}};
      std::copy_n(body.begin(), canary.proof.size(), canary.proof.begin());
      effects.canary_to_save = canary;
      canaries_[job.key_id] = canary;
      generation.canary = std::move(canary);
      generation.reference = ReferenceTo(generation.candidate, generation);
      held.holding = Holding::kProved;
      generation.life->Proved(token, now);
      say(Severity::kInfo, "key_trusted_on_first_use",
          "this node had no canary of this key and made one; compare it with other nodes before "
          "you rely on it");
      break;
  }
  return effects;
}

std::vector<std::string> Generations::ToAdmit() const {
  std::vector<std::string> key_ids;
  for (const auto& [key_id, generation] : all_) {
    if (!generation.is_admitted && generation.is_distinct && generation.canary &&
        generation.IsProvedAnywhere() && generation.verdict.standing == Standing::kAccepted) {
      key_ids.push_back(key_id);
    }
  }
  return key_ids;
}

std::optional<std::uint32_t> Generations::ToActivate(Clock::time_point now,
                                                     WallTime wall_now) const {
  std::optional<std::uint32_t> best;
  const bool is_first = history_.highest_active == 0;
  for (const auto& [key_id, generation] : all_) {
    if (!generation.is_admitted || generation.is_quarantined || !MayServe(generation)) continue;
    if (generation.number() <= std::max(history_.highest_active, best.value_or(0))) continue;
    if (generation.candidate.label.activation > wall_now || !generation.WrapProblem().empty())
      continue;
    if (!is_first && now - generation.known_since < 2 * settings_.rescan_interval) continue;
    bool is_ready = false;
    bool is_blocked = false;
    for (std::size_t token = 0; token < tokens_.size(); ++token) {
      const Held& held = generation.on[token];
      const bool passed = held.holding == Holding::kProved && held.is_self_tested;
      is_ready |= is_up_[token] && passed;
      is_blocked |= is_up_[token] ? !passed : !is_first;
    }
    if (is_ready && !is_blocked) best = generation.number();
  }
  return best;
}

const Generation* Generations::Active() const {
  if (history_.highest_active == 0) return nullptr;
  const Generation* active = nullptr;
  for (const auto& [key_id, generation] : all_) {
    if (generation.number() != history_.highest_active ||
        generation.verdict.standing != Standing::kAccepted)
      continue;
    if (!active || generation.is_admitted) active = &generation;
  }
  return active;
}

bool Generations::is_complete() const {
  return std::ranges::any_of(is_scanned_, std::identity()) &&
         std::ranges::all_of(
             std::views::iota(std::size_t{0}, tokens_.size()),
             [&](std::size_t token) { return !is_up_[token] || is_scanned_[token]; });
}

std::string Generations::WaitingFor(WallTime wall_now) const {
  if (!is_complete()) return "a token to come up and be searched";
  if (all_.empty()) {
    return "a key: no token shows one of keyring " + settings_.name +
           " with this context; run `mortise key create`, or check keyrings[].context and tokens";
  }
  for (const auto& [key_id, generation] : all_) {
    if (const std::string problem = generation.WrapProblem(); !problem.empty())
      return "a key that may wrap: " + problem;
    if (generation.candidate.label.activation > wall_now) {
      return "the activation time of " + key_id + ", " +
             FormatTime(generation.candidate.label.activation);
    }
    if (!generation.canary && !IsTrusted(generation)) {
      return "trust in " + key_id +
             ": this node has no canary of it; restore the state folder's canaries, or pin one";
    }
  }
  return "a first proof of the active key";
}

}  // namespace mortise::hsm
