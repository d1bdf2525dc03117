// SPDX-License-Identifier: Apache-2.0
// What is known of a keyring's generations: history, canaries and scans.
#include "hsm/generations.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include "hsm/listed_acceptance.h"

namespace mortise::hsm {
namespace {

std::set<std::string> KeysOf(const std::map<std::string, Canary>& canaries) {
  std::set<std::string> key_ids;
  for (const auto& [key_id, canary] : canaries) key_ids.insert(key_id);
  return key_ids;
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
  KeyringHistory known = std::exchange(history_, history);
  history_.highest_active = std::max(known.highest_active, history.highest_active);
  if (history.problem) {
    // Nothing may be concluded from what is missing in it.
    history_.keys.merge(known.keys);
    history_.last_complete_scan = std::max(known.last_complete_scan, history.last_complete_scan);
    history_.last_time_seen = std::max(known.last_time_seen, history.last_time_seen);
  }
  for (const Canary& canary : canaries) {
    canaries_.insert_or_assign(canary.key_id, canary);
    // The file may hold those of other keyrings, of which this one concludes nothing.
    const auto parts = ParseKeyId(canary.key_id);
    if (canary.source == CanarySource::kPinned && parts && parts->keyring == settings_.name)
      pinned_.insert(canary.key_id);
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
  for (Held& held : generation.on) {
    if (held.holding == Holding::kAbsent) continue;
    held.holding = Holding::kUnproved;
    held.foreign.clear();
    held.not_before = {};
    RenewReference(generation, held);
  }
  for (auto& [key_id, other] : all_) other.distinct_from.erase(canary.key_id);
}

std::vector<Event> Generations::OnInventory(std::size_t token, const Discovered& found,
                                            Clock::time_point now) {
  std::vector<Event> events;
  for (const Event& remark : found.remarks) {
    if (alarmed_.emplace(remark.message, remark.name).second) events.push_back(remark);
  }
  seen_[token].clear();
  for (const FoundKek& kek : found.keks) See(token, kek, events);
  scanned_at_[token] = now;
  std::ranges::move(Rejudge(now), std::back_inserter(events));
  return events;
}

std::vector<Event> Generations::Rejudge(Clock::time_point now) {
  // One that vanished stays known, held nowhere: that is what makes its absence visible.
  for (auto& [key_id, generation] : all_) {
    for (std::size_t token = 0; token < tokens_.size(); ++token) Choose(generation, token);
  }
  const std::vector<Candidate> candidates = Candidates();
  const AcceptanceFacts facts{.context_tag = ContextTag(settings_.context),
                              .history = history_,
                              .pinned = pinned_,
                              .with_canary = KeysOf(canaries_),
                              .announced = announced_,
                              .copies = copies_};
  const std::map<std::string, Verdict> verdicts = settings_.discovery == config::Discovery::kFile
                                                      ? JudgeListed(candidates, facts)
                                                      : Judge(candidates, facts);

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
  return events;
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
  generation.candidate = candidate;
  generation.verdict = verdict;
  generation.is_admitted = history_.keys.contains(key_id) || pinned_.contains(key_id);
  const auto canary = canaries_.find(key_id);
  if (canary != canaries_.end()) SetCanary(generation, canary->second);
  for (std::size_t token = 0; token < tokens_.size(); ++token) Choose(generation, token);
}

void Generations::OnNewWorker(std::size_t token, const std::string& software) {
  const bool is_other_software = std::exchange(software_[token], software) != software;
  for (auto& [key_id, generation] : all_) {
    Held& held = generation.on[token];
    // Foreign until disproved: meanwhile its attributes say nothing of the key.
    if (held.holding == Holding::kProved) held.holding = Holding::kUnproved;
    held.not_before = {};
    held.self_test_problem.clear();
    held.self_test_not_before = {};
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
