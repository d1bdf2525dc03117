// SPDX-License-Identifier: Apache-2.0
// How a keyring's snapshot is kept true: what the tokens' monitors call.
#include <algorithm>

#include "hsm/quarantine.h"
#include "hsm/token_keyring.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;

constexpr auto kStateInterval = 1s;  // quarantine, pinned canaries, the folder's health
constexpr auto kScanRecord = 30s;    // how often the time of a scan is written down

std::vector<config::Token> SettingsOf(const TokenGroup& group) {
  std::vector<config::Token> settings;
  for (std::size_t token = 0; token < group.size(); ++token)
    settings.push_back(group.token(token).settings());
  return settings;
}

}  // namespace

TokenKeyring::TokenKeyring(const config::Keyring& settings, TokenGroup group,
                           const StateDir& state_dir, WrapBudget& budget, KeyClaims& claims,
                           Observer& observer)
    : settings_(settings),
      group_(std::move(group)),
      state_dir_(state_dir),
      history_(state_dir.path()),
      canaries_(state_dir.path()),
      budget_(budget),
      claims_(claims),
      rate_(settings.max_wraps_per_second),
      observer_(observer),
      listed_(settings_),
      generations_(settings_, SettingsOf(group_)),
      snapshot_(std::make_shared<Snapshot>()),
      searches_(group_.size()) {
  LoadedCanaries stored = canaries_.Load();
  for (const std::string& problem : stored.problems) {
    observer_.OnEvent({.severity = Severity::kWarning,
                       .name = "canary_damaged",
                       .message = problem,
                       .fields = {{"keyring", settings_.name}}});
  }
  generations_.Remember(history_.Load(settings_.name), stored.canaries);
  RefreshState();
  Publish();
}

void TokenKeyring::OnNewWorker(std::size_t token, const std::string& software) {
  const std::lock_guard lock(mutex_);
  generations_.OnNewWorker(token, software);
  searches_[token].done = 0;  // another process may see other keys
}

void TokenKeyring::OnTokenState(std::size_t token, bool is_up) {
  const std::lock_guard lock(mutex_);
  generations_.SetUp(token, is_up);
  searches_[token].is_up = is_up;
}

void TokenKeyring::Housekeep() {
  const std::lock_guard lock(housekeeping_mutex_);
  const Clock::time_point now = Clock::now();
  if (now - state_read_at_ >= kStateInterval) {
    state_read_at_ = now;
    RefreshState();
  }
  bool is_usable = false;
  {
    const std::lock_guard state_lock(mutex_);
    is_usable = !state_problem_;
  }
  if (is_usable) {
    try {
      Admit();
      Activate();
      failed_write_.clear();
    } catch (const Error& failure) {
      state_dir_.NoteFailedWrite();
      {
        const std::lock_guard state_lock(mutex_);
        state_problem_ = failure.what();
      }
      // It is tried again each second, and told of once.
      if (std::exchange(failed_write_, failure.what()) != failure.what())
        SayStateUnusable(failure.what());
    }
  }
  Publish();
  PrepareBudget();
  RetryParked();
}

// The first block of wraps, so that the first Encrypt does not wait for a disk. After the
// first proof, which Status waits for, and before the self-test, which Encrypt waits for.
void TokenKeyring::PrepareBudget() {
  std::string key_id;
  {
    const std::lock_guard lock(mutex_);
    const Generation* active = generations_.Active();
    if (active && active->IsProvedAnywhere()) key_id = active->candidate.key_id;
  }
  if (key_id.empty() || std::exchange(prepared_, key_id) == key_id) return;
  try {
    budget_.Prepare(key_id, settings_.wrap_limit);
  } catch (const Error&) {
    // Spend says it, to the call that it concerns.
  }
}

// What was pinned before goes on to hold while the file cannot be read.
std::vector<Canary> TokenKeyring::ReadPinned() {
  if (settings_.canaries.empty()) return {};
  try {
    std::vector<Canary> pinned = ReadPinnedCanaries(settings_.canaries);
    pinned_problem_.clear();
    return pinned;
  } catch (const Error& error) {
    if (std::exchange(pinned_problem_, error.what()) != error.what()) {
      Say({{.severity = Severity::kError,
            .name = "pinned_canaries_refused",
            .message = "the file of pinned canaries is refused, and pins no further key until it "
                       "is mended: " +
                       pinned_problem_,
            .fields = {{"keyring", settings_.name}, {"file", settings_.canaries}}}});
    }
    return {};
  }
}

void TokenKeyring::RefreshState() {
  std::optional<std::string> problem = state_dir_.problem();
  std::set<std::string> quarantined;
  const std::vector<Canary> pinned = ReadPinned();
  try {
    quarantined = QuarantinedKeys(state_dir_.path());
    quarantined.merge(DestroyedKeys(state_dir_.path()));
  } catch (const Error& error) {
    problem = error.what();
  }
  const KeyringHistory history = history_.Load(settings_.name);
  if (history.problem) problem = history.problem;
  bool lacks_canary = false;
  {
    const std::lock_guard lock(mutex_);
    lacks_canary = generations_.LacksCanary();
  }
  // `key create` stores the canary of a key that this process may have seen already.
  const std::vector<Canary> stored =
      lacks_canary ? canaries_.Load().canaries : std::vector<Canary>();
  bool is_news = false;
  {
    const std::lock_guard lock(mutex_);
    is_news = problem && problem != state_problem_;
    state_problem_ = problem;
    generations_.Remember(history, stored);
    generations_.Remember(history, pinned);
    generations_.SetQuarantined(quarantined);
  }
  if (is_news) SayStateUnusable(*problem);
}

void TokenKeyring::SayStateUnusable(const std::string& problem) const {
  Say({{.severity = Severity::kError,
        .name = "state_unusable",
        .message =
            "nothing is wrapped and no key admitted until the state folder is mended: " + problem,
        .fields = {{"keyring", settings_.name}}}});
}

void TokenKeyring::Admit() {
  std::vector<std::string> key_ids;
  std::optional<WallTime> last_seen;
  std::optional<WallTime> scanned;  // when, not now: a key made since was not overlooked
  const WallTime now = WallNow();
  {
    const std::lock_guard lock(mutex_);
    key_ids = generations_.ToAdmit();
    last_seen = generations_.history().last_time_seen;
    if (const auto scan = generations_.last_complete_scan())
      scanned = generations_.ScanToRecord(
          now - std::chrono::ceil<std::chrono::seconds>(Clock::now() - *scan));
  }
  const bool scan_is_due = scanned && (!last_seen || now - *last_seen >= kScanRecord);
  if (key_ids.empty() && !scan_is_due) return;
  KeyringHistory written;
  history_.Update(settings_.name, [&](KeyringHistory& history) {
    for (const std::string& key_id : key_ids)
      history.keys.try_emplace(key_id, KnownKey{.first_seen = now, .accepted = {}});
    if (scanned)
      history.last_complete_scan =
          std::max(history.last_complete_scan.value_or(*scanned), *scanned);
    history.last_time_seen = std::max(history.last_time_seen.value_or(now), now);
    written = history;
  });
  {
    const std::lock_guard lock(mutex_);
    generations_.Remember(written, {});
    for (const std::string& key_id : key_ids) generations_.OnAdmitted(key_id);
  }
  for (const std::string& key_id : key_ids) {
    Say({{.name = "key_accepted",
          .message = "a key was accepted into the keyring",
          .fields = {{"keyring", settings_.name}, {"key_id", key_id}}}});
  }
}

void TokenKeyring::Activate() {
  std::optional<std::uint32_t> generation;
  const WallTime now = WallNow();
  std::string clock_problem;
  {
    const std::lock_guard lock(mutex_);
    // A clock that is earlier than what is known to have passed keeps what is latched.
    clock_problem = ClockProblem(now);
    if (clock_problem.empty()) generation = generations_.ToActivate(Clock::now(), now);
  }
  const bool was_wrong = std::exchange(is_clock_wrong_, !clock_problem.empty());
  if (is_clock_wrong_ && !was_wrong) {
    Say({{.severity = Severity::kError,
          .name = "clock_wrong",
          .message = "no generation becomes active: " + clock_problem,
          .fields = {{"keyring", settings_.name}}}});
  }
  if (!generation) return;
  // On disk before it is served: an activation is never taken back.
  history_.Update(settings_.name, [&](KeyringHistory& history) {
    history.highest_active = std::max(history.highest_active, *generation);
  });
  std::string key_id;
  {
    // Status and Encrypt change in the same instant.
    const std::lock_guard lock(mutex_);
    generations_.OnActivated(*generation);
    snapshot_ = MakeSnapshot();
    if (snapshot_->active) key_id = snapshot_->active->key_id;
  }
  Say({{.name = "key_activated",
        .message = "a generation became active; from now on it wraps",
        .fields = {{"keyring", settings_.name},
                   {"key_id", key_id},
                   {"generation", std::to_string(*generation)}}}});
}

void TokenKeyring::Say(const std::vector<Event>& events) const {
  for (const Event& event : events) observer_.OnEvent(event);
}

std::shared_ptr<const TokenKeyring::Snapshot> TokenKeyring::MakeSnapshot() const {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->is_complete = generations_.is_complete();
  const Generation* active = generations_.Active();
  for (const auto& [key_id, generation] : generations_.all()) {
    auto kek = std::make_shared<Kek>();
    kek->key_id = key_id;
    kek->generation = generation.number();
    kek->is_quarantined = generation.is_quarantined;
    kek->life = generation.life;
    std::vector<std::shared_ptr<const std::string>> references;
    for (std::size_t token = 0; token < group_.size(); ++token) {
      const Holding holding = generation.on[token].holding;
      references.push_back(generation.on[token].reference);
      kek->is_foreign |= holding == Holding::kForeign;
      if (holding == Holding::kUnproved || holding == Holding::kProved)
        kek->holders.push_back(token);
    }
    kek->is_foreign &= kek->holders.empty();
    kek->reference = std::make_shared<const decltype(references)>(std::move(references));
    std::ranges::stable_partition(kek->holders, [&](std::size_t token) {
      return generation.on[token].holding == Holding::kProved;
    });
    if (&generation == active) {
      snapshot->active = kek;
      for (const std::size_t token : kek->holders) {
        const Held& held = generation.on[token];
        if (held.holding == Holding::kProved && held.self_tested)
          snapshot->wrap_holders.push_back(token);
      }
      if (const std::string problem = generation.WrapProblem(); !problem.empty()) {
        snapshot->wrap_refusal = Error(Reason::kKeyRefused, problem);
      }
      if (generation.is_quarantined)
        snapshot->wrap_refusal = Error(Reason::kKeyQuarantined, "the active KEK is quarantined");
    }
    snapshot->by_id.emplace(key_id, std::move(kek));
  }
  if (state_problem_)
    snapshot->wrap_refusal =
        Error(Reason::kStateUnusable, "nothing is wrapped: " + *state_problem_);
  return snapshot;
}

void TokenKeyring::Publish() {
  const std::lock_guard lock(mutex_);
  snapshot_ = MakeSnapshot();
}

}  // namespace mortise::hsm
