// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "config/config.h"
#include "hsm/generation.h"
#include "hsm/observer.h"
#include "hsm/worker/message.h"

namespace mortise::hsm {

// What a token's maintenance is to do next for this keyring.
struct Job {
  enum class Kind : std::uint8_t {
    kOpenCanary,     // proves the key, and the token's health
    kCheckDistinct,  // it must not open the others' canaries
    kSelfTest,       // before its first wrap here
    kMakeCanary,     // of source first-use
  };
  Kind kind;
  std::string key_id;
  // What to send, one after the other; of kCheckDistinct one for each other canary that the
  // key could open.
  std::vector<std::shared_ptr<const std::string>> keks;
  std::vector<std::string> others;  // of kCheckDistinct: whose canaries those are
  std::string label = {};           // of the object that is asked
};

// What came of a job, beside the change to the generations.
struct JobEffects {
  std::vector<Event> events;
  std::optional<Canary> canary_to_save;
};

// The generations of one keyring and what is known of each on each token: a state machine
// that is told of scans and results, and says what to look at next and which generation
// may become active. It calls nobody and is guarded by its keyring's lock.
class Generations {
 public:
  Generations(const config::Keyring& settings, std::vector<config::Token> tokens);

  // --- what is told ---
  void Remember(const KeyringHistory& history, const std::vector<Canary>& canaries);
  // A key is shown that has no canary here: a command may have stored one meanwhile.
  bool LacksCanary() const;
  void SetQuarantined(const std::set<std::string>& key_ids);
  // A whole scan of one token. Gives what is new to say.
  std::vector<Event> OnInventory(std::size_t token, const Discovered& found, Clock::time_point now);
  // Another process logged in there: what was proved must be proved anew. `software` names
  // the token's library and firmware; self-tests are remembered as long as it is the same.
  void OnNewWorker(std::size_t token, const std::string& software);
  void SetUp(std::size_t token, bool is_up) { is_up_[token] = is_up; }
  JobEffects OnJobDone(std::size_t token, const Job& job, const Error* error, std::string_view body,
                       Clock::time_point now, WallTime wall_now);
  // A wrap made there did not open: it is to be self-tested anew before the next one.
  void DoubtWraps(const std::string& key_id, std::size_t token) {
    if (const auto found = all_.find(key_id); found != all_.end())
      found->second.on[token].self_tested.reset();
  }
  void OnAdmitted(const std::string& key_id) { all_.at(key_id).is_admitted = true; }
  void OnActivated(std::uint32_t generation) {
    history_.highest_active = std::max(history_.highest_active, generation);
  }

  // --- what is asked ---
  std::optional<Job> NextJob(std::size_t token, Clock::time_point now, WallTime wall_now);
  // Keys that passed and are not yet recorded.
  std::vector<std::string> ToAdmit() const;
  // The generation that may become active now; nothing: all stays.
  std::optional<std::uint32_t> ToActivate(Clock::time_point now, WallTime wall_now) const;
  // The one that the latch names; null when it is not there, or nothing was latched.
  const Generation* Active() const;
  const std::map<std::string, Generation>& all() const { return all_; }
  // A scan of every token that is up is done.
  bool is_complete() const;
  bool is_scanned(std::size_t token) const { return scanned_at_[token].has_value(); }
  // Since when nothing new can have been overlooked; nothing: no token is up and searched.
  std::optional<Clock::time_point> last_complete_scan() const;
  // The latest time up to which `scanned`, a complete scan's time, may be written down: a key
  // on trial must not look overlooked after a restart.
  WallTime ScanToRecord(WallTime scanned) const;
  std::uint32_t highest_active() const { return history_.highest_active; }
  const KeyringHistory& history() const { return history_; }
  // In words, why no generation is active yet.
  std::string WaitingFor(WallTime wall_now) const;

 private:
  // Anyone who may create objects can give them a key's CKA_ID: one of them is the key.
  // Of one key_id on one token, by the wrap key's label.
  using Claimants = std::map<std::string, FoundKek>;

  // Of scans.
  void See(std::size_t token, const FoundKek& kek, std::vector<Event>& events);
  bool IsBetter(std::size_t token, const FoundKek& one, std::size_t other_token,
                const FoundKek& other) const;
  std::vector<Candidate> Candidates() const;
  const FoundKek* BestOf(std::size_t token, const std::string& key_id) const;
  void Choose(Generation& generation, std::size_t token);
  std::vector<Event> Rejudge(Clock::time_point now);
  void Refresh(Generation& generation, const Candidate& candidate, const Verdict& verdict,
               Clock::time_point now);
  void SetCanary(Generation& generation, const Canary& canary);
  KekReference ReferenceTo(const Held& held, const std::string& key_id, const Canary* canary) const;
  std::optional<KekReference> ReferenceToCopyOf(const std::string& other, const Held& held,
                                                std::size_t token) const;
  void RenewReference(const Generation& generation, Held& held) const;
  void SayOnce(std::vector<Event>& events, std::string_view name, const std::string& subject,
               const std::string& key_id, const std::string& message);

  // Of jobs.
  std::optional<Job> JobFor(Generation& generation, std::size_t token, Clock::time_point now,
                            WallTime wall_now);
  std::optional<Job> TrialJob(const Generation& generation, std::size_t token,
                              Clock::time_point now, WallTime wall_now) const;
  std::optional<Job> DistinctJob(const Generation& generation, const Held& held,
                                 std::size_t token) const;
  std::vector<std::string> UncheckedCanaries(const Generation& generation) const;
  struct Finished;  // a job with what came of it
  void OnCanaryOpened(const Finished& finished);
  void OnCanaryRefused(const Finished& finished);
  void OnDistinctChecked(const Finished& finished);
  void OnSelfTested(const Finished& finished);
  void TrySelfTestAgain(const Finished& finished);
  void OnCanaryMade(const Finished& finished);
  void Say(const Finished& finished, Severity severity, std::string_view name,
           const std::string& message) const;

  // Of activation.
  bool IsDue(const Generation& generation, WallTime wall_now) const;
  bool IsKnownLongEnough(const Generation& generation, Clock::time_point now,
                         WallTime wall_now) const;
  bool HasPassed(const Generation& generation, Clock::time_point now) const;
  bool MayPassSoon(const Generation& generation, Clock::time_point now) const;
  bool IsTrusted(const Generation& generation) const;
  bool MayServe(const Generation& generation) const;
  std::string WhichKeyIsMissing() const;

  const config::Keyring& settings_;
  const std::vector<config::Token> tokens_;
  KeyringHistory history_;
  std::map<std::string, Canary> canaries_;
  std::set<std::string> pinned_;
  std::set<std::string> quarantined_;
  std::vector<std::map<std::string, Claimants>> seen_;  // by token, then key_id
  std::vector<std::optional<Clock::time_point>> scanned_at_;
  std::vector<std::string> software_;  // of the last worker, by token
  std::vector<bool> is_up_;
  std::map<std::string, Generation> all_;
  std::set<std::string> announced_;  // key_ids that a scan's verdict accepted
  std::set<std::string> copies_;     // key_ids that opened another's canary
  std::set<std::pair<std::string, std::string_view>> alarmed_;  // (subject, event) already said
  Clock::time_point next_lazy_{};
};

}  // namespace mortise::hsm
