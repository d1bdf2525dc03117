// SPDX-License-Identifier: Apache-2.0
// What is known of a keyring's generations: history, canaries and scans.
#include "hsm/generations.h"

#include <algorithm>
#include <functional>
#include <ranges>
#include <tuple>
#include <utility>

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

Generations::Generations(const config::Keyring& settings, std::vector<config::Token> tokens)
    : settings_(settings),
      tokens_(std::move(tokens)),
      seen_(tokens_.size()),
      scanned_at_(tokens_.size()),
      software_(tokens_.size()),
      is_up_(tokens_.size()) {}

void Generations::Remember(const KeyringHistory& history, const std::vector<Canary>& canaries) {
  const std::uint32_t latched = std::max(history_.highest_active, history.highest_active);
  history_ = history;
  history_.highest_active = latched;
  for (const Canary& canary : canaries) {
    canaries_.insert_or_assign(canary.key_id, canary);
    if (canary.source == CanarySource::kPinned) pinned_.insert(canary.key_id);
    if (const auto found = all_.find(canary.key_id); found != all_.end())
      SetCanary(found->second, canary);
  }
}

bool Generations::LacksCanary() const {
  return std::ranges::any_of(all_, [](const auto& entry) { return !entry.second.canary; });
}

void Generations::SetQuarantined(const std::set<std::string>& key_ids) {
  quarantined_ = key_ids;
  for (auto& [key_id, generation] : all_) generation.is_quarantined = quarantined_.contains(key_id);
}

// A canary that replaces another makes what was proved by the other doubtful.
void Generations::SetCanary(Generation& generation, const Canary& canary) {
  const bool is_same = generation.canary && generation.canary->blob == canary.blob &&
                       generation.canary->proof == canary.proof;
  generation.canary = canary;
  if (is_same) return;
  generation.reference = ReferenceTo(generation.candidate, generation.candidate.key_id, &canary);
  for (Held& held : generation.on) {
    if (held.holding == Holding::kAbsent) continue;
    held.holding = Holding::kUnproved;
    held.not_before = {};
  }
  for (auto& [key_id, other] : all_) other.distinct_from.erase(canary.key_id);
}

std::vector<Event> Generations::OnInventory(std::size_t token,
                                            const std::vector<InventoryEntry>& entries,
                                            Clock::time_point now) {
  std::vector<Event> events;
  seen_[token].clear();
  for (const InventoryEntry& entry : entries) See(token, entry, events);
  scanned_at_[token] = now;
  std::ranges::move(Rejudge(now), std::back_inserter(events));
  return events;
}

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
  Seen one{std::move(candidate), report.wrap_problem};
  const auto [held, is_new] = seen_[token].try_emplace(key_id, one);
  if (is_new) return;
  SayOnce(events, "key_ignored", "twice:" + key_id, key_id,
          "token " + tokens_[token].name + " shows two objects of one CKA_ID as " +
              held->second.candidate.label_text + " and " + entry.label +
              "; delete the one that is not yours");
  if (IsBetter(one.candidate, held->second.candidate)) held->second = std::move(one);
}

// Of two objects that claim one key_id: the one this process knows already, then the one that
// looks less planted. A later activation is the harmless one to believe.
bool Generations::IsBetter(const Candidate& one, const Candidate& other) const {
  const auto found = all_.find(one.key_id);
  const auto rank = [&](const Candidate& candidate) {
    const bool is_known =
        found != all_.end() && found->second.candidate.label_text == candidate.label_text;
    return std::tuple(is_known, candidate.is_never_extractable, candidate.keeps_policy,
                      candidate.label.activation, candidate.label_text);
  };
  return rank(one) > rank(other);
}

std::map<std::string, Candidate> Generations::Candidates() const {
  std::map<std::string, Candidate> by_key_id;
  for (const auto& seen : seen_) {
    for (const auto& [key_id, one] : seen) {
      const auto [best, is_new] = by_key_id.emplace(key_id, one.candidate);
      if (!is_new && IsBetter(one.candidate, best->second)) best->second = one.candidate;
    }
  }
  return by_key_id;
}

std::vector<Event> Generations::Rejudge(Clock::time_point now) {
  std::vector<Candidate> candidates;
  for (const auto& [key_id, candidate] : Candidates()) candidates.push_back(candidate);
  const std::map<std::string, Verdict> verdicts =
      Judge(candidates, {.context_tag = ContextTag(settings_.context),
                         .history = history_,
                         .pinned = pinned_,
                         .announced = announced_,
                         .copies = copies_});

  std::vector<Event> events;
  for (const Candidate& candidate : candidates) {
    const Verdict& verdict = verdicts.at(candidate.key_id);
    if (!verdict.alarm.empty()) {
      SayOnce(events, verdict.alarm, candidate.key_id, candidate.key_id,
              "key " + candidate.label_text + ": " + verdict.why);
    }
    if (verdict.standing == Standing::kAccepted) announced_.insert(candidate.key_id);
    // One that was known before it came to be ignored stays, and may open what it wrapped.
    if (verdict.standing == Standing::kIgnored && !all_.contains(candidate.key_id)) continue;
    Refresh(all_[candidate.key_id], candidate, verdict, now);
  }
  // One that vanished stays known, held nowhere: that is what makes its absence visible.
  for (auto& [key_id, generation] : all_) {
    for (std::size_t token = 0; token < tokens_.size(); ++token) {
      if (!Shows(token, generation)) generation.on[token] = Held{};
    }
  }
  return events;
}

bool Generations::Shows(std::size_t token, const Generation& generation) const {
  const auto seen = seen_[token].find(generation.candidate.key_id);
  return seen != seen_[token].end() &&
         seen->second.candidate.label_text == generation.candidate.label_text;
}

void Generations::Refresh(Generation& generation, const Candidate& candidate,
                          const Verdict& verdict, Clock::time_point now) {
  const std::string& key_id = candidate.key_id;
  if (!generation.life) {
    generation.life = std::make_shared<KekLife>(tokens_.size());
    generation.on.resize(tokens_.size());
    generation.known_since = now;
    generation.is_quarantined = quarantined_.contains(key_id);
  }
  // Another object under the same name: what was proved was proved of the one before.
  if (generation.candidate.label_text != candidate.label_text)
    std::ranges::fill(generation.on, Held{});
  generation.candidate = candidate;
  generation.verdict = verdict;
  generation.is_admitted = history_.keys.contains(key_id) || pinned_.contains(key_id);
  const auto canary = canaries_.find(key_id);
  if (canary != canaries_.end()) SetCanary(generation, canary->second);
  generation.reference =
      ReferenceTo(candidate, key_id, canary == canaries_.end() ? nullptr : &canary->second);
  for (std::size_t token = 0; token < tokens_.size(); ++token) {
    if (!Shows(token, generation)) continue;
    Held& held = generation.on[token];
    if (held.holding == Holding::kAbsent) held.holding = Holding::kUnproved;
    held.wrap_problem = seen_[token].at(key_id).wrap_problem;
  }
}

// `object` is the key in the token that is used, `key_id` and `canary` those of the identity
// that it is used with: its own, but where a key must fail to open another's canary.
std::shared_ptr<const std::string> Generations::ReferenceTo(const Candidate& object,
                                                            const std::string& key_id,
                                                            const Canary* canary) const {
  KekReference reference{.label = object.label_text,
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

void Generations::OnNewWorker(std::size_t token, const std::string& software) {
  const bool is_other_software = std::exchange(software_[token], software) != software;
  for (auto& [key_id, generation] : all_) {
    Held& held = generation.on[token];
    if (held.holding != Holding::kAbsent) held.holding = Holding::kUnproved;
    held.not_before = {};
    held.self_test_problem.clear();
    if (is_other_software) held.self_tested.reset();
  }
}

void Generations::SayOnce(std::vector<Event>& events, std::string_view name,
                          const std::string& subject, const std::string& key_id,
                          const std::string& message) {
  if (!alarmed_.emplace(subject, name).second) return;
  events.push_back({.severity = Severity::kWarning,
                    .name = name,
                    .message = message,
                    .fields = {{"keyring", settings_.name}, {"key_id", key_id}}});
}

bool Generations::is_complete() const {
  return std::ranges::any_of(scanned_at_, [](const auto& at) { return at.has_value(); }) &&
         std::ranges::all_of(
             std::views::iota(std::size_t{0}, tokens_.size()),
             [&](std::size_t token) { return !is_up_[token] || is_scanned(token); });
}

std::optional<Clock::time_point> Generations::last_complete_scan() const {
  if (!is_complete()) return std::nullopt;
  std::optional<Clock::time_point> oldest;
  for (std::size_t token = 0; token < tokens_.size(); ++token) {
    if (!is_up_[token]) continue;
    oldest = std::min(oldest.value_or(*scanned_at_[token]), *scanned_at_[token]);
  }
  return oldest;
}

}  // namespace mortise::hsm
