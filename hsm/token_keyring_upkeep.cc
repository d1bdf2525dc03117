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

MessageKind KindOf(Job::Kind kind) {
  switch (kind) {
    case Job::Kind::kOpenCanary:
    case Job::Kind::kCheckDistinct:
      return MessageKind::kOpenCanary;
    case Job::Kind::kSelfTest:
      return MessageKind::kSelfTest;
    case Job::Kind::kMakeCanary:
      return MessageKind::kMakeCanary;
  }
  return MessageKind::kOpenCanary;
}

// Why a token is down, as short as a client may hear it: " (hsm-a: pin_rejected)".
std::string WhyDown(const std::string& name, const Token::Snapshot& token) {
  if (token.is_ready || token.problem.empty()) return {};
  return " (" + name + ": " + std::string(Name(token.problem_reason)) + ")";
}

std::optional<Reason> WhyDownReason(const Token::Snapshot& token) {
  if (token.is_ready || token.problem.empty()) return std::nullopt;
  return token.problem_reason;
}

// Runs one message of a job; the key is expected not to open another's canary.
std::string RunOne(Token& token, const Job& job, const std::shared_ptr<const std::string>& kek) {
  auto operation = std::make_shared<Operation>();
  operation->kind = KindOf(job.kind);
  operation->kek = kek;
  operation->deadline =
      Clock::now() + token.TimeFor(operation->kind) + token.settings().operation_timeout + 1s;
  if (job.kind != Job::Kind::kCheckDistinct) return token.Call(std::move(operation));
  try {
    token.Call(std::move(operation));
  } catch (const Error& error) {
    if (error.reason() == Reason::kCiphertextRefused) return {};
    throw;
  }
  throw Error(Reason::kKeyForeign, "it opens another generation's canary");
}

}  // namespace

TokenKeyring::TokenKeyring(const config::Keyring& settings, TokenGroup group,
                           const StateDir& state_dir, WrapBudget& budget, Observer& observer)
    : settings_(settings),
      group_(std::move(group)),
      state_dir_(state_dir),
      history_(state_dir.path()),
      canaries_(state_dir.path()),
      budget_(budget),
      rate_(settings.max_wraps_per_second),
      observer_(observer),
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

void TokenKeyring::OnNewWorker(std::size_t token) {
  const std::lock_guard lock(mutex_);
  generations_.OnNewWorker(token);
  searches_[token].done = 0;  // another process may see other keys
}

void TokenKeyring::OnTokenState(std::size_t token, bool is_up) {
  const std::lock_guard lock(mutex_);
  generations_.SetUp(token, is_up);
  searches_[token].is_up = is_up;
}

void TokenKeyring::OnScan(std::size_t token, const std::vector<InventoryEntry>& entries) {
  std::vector<Event> events;
  {
    const std::lock_guard lock(mutex_);
    events = generations_.OnInventory(token, entries, Clock::now());
    searches_[token].done = searches_[token].begun;
  }
  Say(events);
  Publish();
  RetryParked();
}

bool TokenKeyring::RunNextJob(std::size_t token) {
  std::optional<Job> job;
  {
    const std::lock_guard lock(mutex_);
    job = generations_.NextJob(token, Clock::now());
  }
  if (!job) return false;
  std::optional<Error> error;
  std::string body;
  try {
    for (const auto& kek : job->keks) body = RunOne(group_.token(token), *job, kek);
  } catch (const Error& failure) {
    error = failure;
  }
  JobEffects effects;
  {
    const std::lock_guard lock(mutex_);
    effects = generations_.OnJobDone(token, *job, error ? &*error : nullptr, body, Clock::now(),
                                     WallNow());
  }
  Say(effects.events);
  if (effects.canary_to_save) {
    try {
      canaries_.Save(*effects.canary_to_save);
    } catch (const Error& failure) {
      Say({{.severity = Severity::kError,
            .name = "state_unusable",
            .message = failure.what(),
            .fields = {{"keyring", settings_.name}}}});
    }
  }
  Publish();
  return true;
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
    } catch (const Error& failure) {
      state_dir_.NoteFailedWrite();
      const std::lock_guard state_lock(mutex_);
      state_problem_ = failure.what();
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

void TokenKeyring::RefreshState() {
  std::optional<std::string> problem = state_dir_.problem();
  std::set<std::string> quarantined;
  std::vector<Canary> pinned;
  try {
    quarantined = QuarantinedKeys(state_dir_.path());
    quarantined.merge(DestroyedKeys(state_dir_.path()));
    if (!settings_.canaries.empty()) pinned = ReadPinnedCanaries(settings_.canaries);
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
  if (is_news) {
    Say({{.severity = Severity::kError,
          .name = "state_unusable",
          .message = "nothing is wrapped and no key admitted until the state folder is mended: " +
                     *problem,
          .fields = {{"keyring", settings_.name}}}});
  }
}

void TokenKeyring::Admit() {
  std::vector<std::string> key_ids;
  bool is_complete = false;
  std::optional<WallTime> last_scan;
  {
    const std::lock_guard lock(mutex_);
    key_ids = generations_.ToAdmit();
    is_complete = generations_.is_complete();
    last_scan = generations_.history().last_complete_scan;
  }
  const WallTime now = WallNow();
  const bool scan_is_due = is_complete && (!last_scan || now - *last_scan >= kScanRecord);
  if (key_ids.empty() && !scan_is_due) return;
  KeyringHistory written;
  history_.Update(settings_.name, [&](KeyringHistory& history) {
    for (const std::string& key_id : key_ids)
      history.keys.try_emplace(key_id, KnownKey{.first_seen = now, .accepted = {}});
    if (is_complete) history.last_complete_scan = now;
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
    kek->reference = generation.reference;
    kek->is_quarantined = generation.is_quarantined;
    kek->life = generation.life;
    for (std::size_t token = 0; token < group_.size(); ++token) {
      const Holding holding = generation.on[token].holding;
      kek->is_foreign |= holding == Holding::kForeign;
      if (holding == Holding::kUnproved || holding == Holding::kProved)
        kek->holders.push_back(token);
    }
    kek->is_foreign &= kek->holders.empty();
    if (&generation == active) {
      snapshot->active = kek;
      for (const std::size_t token : kek->holders) {
        const Held& held = generation.on[token];
        if (held.holding == Holding::kProved && held.is_self_tested)
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

std::optional<Error> TokenKeyring::FatalProblem() const {
  if (!generations_.is_complete() || generations_.highest_active() == 0) return std::nullopt;
  const Generation* active = generations_.Active();
  const std::string name = "generation " + std::to_string(generations_.highest_active()) +
                           " of keyring " + settings_.name;
  if (active == nullptr) {
    return Error(Reason::kKeyMissing,
                 "no token shows " + name + ", which is active; restore it, or check tokens[].uri");
  }
  if (active->is_quarantined)
    return Error(Reason::kKeyQuarantined, name + " is active and quarantined");
  bool is_held = false;
  bool is_foreign = false;
  bool any_scanned_up = false;
  for (std::size_t token = 0; token < group_.size(); ++token) {
    const Holding holding = active->on[token].holding;
    is_foreign |= holding == Holding::kForeign;
    is_held |= holding == Holding::kUnproved || holding == Holding::kProved;
    any_scanned_up |= group_.token(token).is_ready() && generations_.is_scanned(token);
  }
  if (is_held || !any_scanned_up) return std::nullopt;
  if (is_foreign)
    return Error(Reason::kKeyForeign,
                 name + " is other key material on the token; restore the right key");
  return Error(Reason::kKeyMissing,
               "no token shows " + name + ", which is active; restore it, or check tokens[].uri");
}

std::shared_ptr<const KeyringStatus> TokenKeyring::Status() const {
  auto status = std::make_shared<KeyringStatus>();
  std::string down;
  for (std::size_t token = 0; token < group_.size(); ++token) {
    const Token::Snapshot one = group_.token(token).Describe();
    down += WhyDown(group_.token(token).name(), one);
    status->tokens.push_back({.name = group_.token(token).name(),
                              .is_up = one.is_ready,
                              .problem = one.problem,
                              .problem_reason = WhyDownReason(one),
                              .last_proof = {},
                              .manufacturer = one.description.manufacturer,
                              .model = one.description.model,
                              .serial = one.description.serial,
                              .firmware = one.description.firmware,
                              .library = one.description.library,
                              .worker_pids = one.worker_pids,
                              .sessions = one.sessions,
                              .queue_length = one.queue_length});
  }
  const std::lock_guard lock(mutex_);
  const Generation* active = generations_.Active();
  for (const auto& [key_id, generation] : generations_.all()) {
    const WrapUse use = budget_.Use(key_id);
    GenerationStatus one{.key_id = key_id,
                         .generation = generation.number(),
                         .scheme = std::string(Name(generation.candidate.label.scheme)),
                         .state = GenerationState::kPending,
                         .problem = generation.WrapProblem(),
                         .activation = generation.candidate.label.activation,
                         .wraps = use.wraps,
                         .wrap_limit = settings_.wrap_limit,
                         .last_unwrap = use.last_unwrap,
                         .tokens = {}};
    if (generation.is_quarantined) {
      one.state = GenerationState::kQuarantined;
    } else if (&generation == active) {
      one.state = GenerationState::kActive;
    } else if (generation.verdict.standing == Standing::kDecryptOnly ||
               generation.number() <= generations_.highest_active()) {
      one.state = GenerationState::kDecryptOnly;
    }
    for (std::size_t token = 0; token < group_.size(); ++token) {
      const Holding holding = generation.on[token].holding;
      if (holding == Holding::kUnproved || holding == Holding::kProved)
        one.tokens.push_back(group_.token(token).name());
      const auto proof = generation.life->LastProof(token);
      if (!proof) continue;
      std::optional<Clock::time_point>& of_token = status->tokens[token].last_proof;
      of_token = std::max(of_token.value_or(*proof), *proof);
      if (&generation == active)
        status->last_proof = std::max(status->last_proof.value_or(*proof), *proof);
    }
    status->generations.push_back(std::move(one));
  }
  if (snapshot_->active && status->last_proof) status->active_key_id = snapshot_->active->key_id;
  status->fatal = FatalProblem();
  if (!status->last_proof) status->waiting_for = WaitingFor() + down;
  return status;
}

}  // namespace mortise::hsm
