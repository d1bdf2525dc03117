// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "hsm/canary_store.h"
#include "hsm/generations.h"
#include "hsm/key_claims.h"
#include "hsm/keyring.h"
#include "hsm/listed_keys.h"
#include "hsm/state_dir.h"
#include "hsm/token_group.h"
#include "hsm/wrap_budget.h"
#include "hsm/wrap_rate.h"

namespace mortise::hsm {

// A keyring on PKCS#11 tokens. Calls are answered from one immutable snapshot; the
// tokens' monitors keep it true. Thread-safe.
class TokenKeyring final : public Keyring {
 public:
  TokenKeyring(const config::Keyring& settings, TokenGroup group, const StateDir& state_dir,
               WrapBudget& budget, KeyClaims& claims, Observer& observer);

  void Wrap(SecretBytes seed, Call call, Done<Wrapped> done) override;
  void Unwrap(std::string_view ciphertext, std::string_view key_id, Call call,
              Done<SecretBytes> done) override;
  std::shared_ptr<const KeyringStatus> Status() const override;
  const std::string& name() const override { return settings_.name; }

  // --- for the monitor of token `token`, from its own thread; these may wait for it ---
  // `software` names the library and firmware behind it.
  void OnNewWorker(std::size_t token, const std::string& software);
  void OnScan(std::size_t token, const std::vector<InventoryEntry>& entries);
  // Objects that a search is to show beside those whose labels name a keyring.
  std::set<NameDigest> WantedObjects(std::size_t token);
  void OnTokenState(std::size_t token, bool is_up);
  // Does the next thing there is to do on that token; false: nothing is due.
  bool RunNextJob(std::size_t token);
  // A call named a key_id that no scan has shown, and none has begun since: look again.
  bool WantsScan(std::size_t token) const;
  void OnScanBegins(std::size_t token);
  // Admits, activates, and publishes what changed.
  void Housekeep();

  // Answers what is parked; for the end of this process.
  void Stop();

  // Answers or parks anew what need not wait any more; after new wraps were reserved.
  void RetryParked();

  // From the supervisor's thread: ends what has waited too long for a first scan.
  void Tick(Clock::time_point now);

  const config::Keyring& settings() const { return settings_; }
  const TokenGroup& group() const { return group_; }

 private:
  // A KEK as the hot path needs it.
  struct Kek {
    std::string key_id;
    std::uint32_t generation = 0;
    KekByToken reference;
    std::vector<std::size_t> holders;  // those that proved it first
    bool is_quarantined = false;
    bool is_foreign = false;  // every token that shows it shows other material
    std::shared_ptr<KekLife> life;
  };
  struct Snapshot {
    std::unordered_map<std::string, std::shared_ptr<const Kek>> by_id;
    std::shared_ptr<const Kek> active;      // null: none yet
    std::vector<std::size_t> wrap_holders;  // proved and self-tested
    std::optional<Error> wrap_refusal;      // why Encrypt fails for now
    bool is_complete = false;               // every token that is up was searched

    // Before the first search and the active key's proofs, when nothing is known to forbid it.
    bool MustWaitToWrap() const {
      return !wrap_refusal && (!is_complete || (active && wrap_holders.empty()));
    }
  };
  // A call that came before it could be judged: at a cold start, for a key_id that a fresh
  // search may yet show, or while the next wraps are reserved.
  struct Parked {
    Call call;
    std::string key_id;      // of a Decrypt; empty: an Encrypt
    std::uint64_t wish = 0;  // the rescan that it waits for
    std::function<void()> retry;
    std::function<void(const Error&)> fail;
  };

  // How far a token's scans have followed the wishes for them, which are numbered from 1.
  struct Search {
    bool is_up = false;
    std::uint64_t begun = 0;
    std::uint64_t done = 0;
    // Of `discovery: file`: what was listed when it began; null: no keysFile was good yet.
    std::shared_ptr<const config::KeysFile> listed;
  };

  std::shared_ptr<const Snapshot> snapshot() const;
  std::shared_ptr<const Snapshot> MakeSnapshot() const;  // mutex_ is held
  void Publish();
  void Park(Parked parked);
  std::optional<std::uint64_t> WishRescan();
  bool IsSearched(std::uint64_t wish) const;  // mutex_ is held
  bool MustWait(const Parked& parked) const;  // mutex_ is held
  static Error EndOfWait(const Parked& parked, const std::string& waiting_for, bool any_up);
  // What the clock shows, when it cannot be so late; empty: it may be right.
  std::string ClockProblem(WallTime now) const;  // mutex_ is held
  std::string WaitingFor() const;                // mutex_ is held
  // Nothing: it is not known yet what to look for.
  std::optional<Discovered> Discover(std::size_t token, const std::vector<InventoryEntry>& entries);
  void ClaimKeys(const std::string& token, Discovered& found);
  void PrepareBudget();
  void Admit();
  void Activate();
  std::vector<Canary> ReadPinned();
  void RefreshState();
  void Say(const std::vector<Event>& events) const;
  void SayStateUnusable(const std::string& problem) const;
  std::optional<Error> FatalProblem() const;                                      // mutex_ is held
  GenerationStatus StatusOf(const Generation& generation, bool is_active) const;  // likewise

  void UnwrapNow(std::string ciphertext, std::string key_id, const Call& call,
                 Done<SecretBytes> done, std::optional<std::uint64_t> awaited);
  // `is_rated`: maxWrapsPerSecond has counted it.
  void WrapNow(std::shared_ptr<SecretBytes> seed, const Call& call, Done<Wrapped> done,
               bool is_rated = false);
  void ParkWrap(std::shared_ptr<SecretBytes> seed, const Call& call, Done<Wrapped> done,
                bool is_rated);
  void DoubtWraps(const std::string& key_id, std::size_t token);
  bool IsRefilling() const;  // mutex_ is held

  const config::Keyring settings_;
  const TokenGroup group_;
  const StateDir& state_dir_;
  const KeyHistory history_;
  const CanaryStore canaries_;
  WrapBudget& budget_;
  KeyClaims& claims_;
  WrapRate rate_;
  Observer& observer_;

  std::mutex housekeeping_mutex_;  // one Housekeep at a time; taken before mutex_
  mutable std::mutex mutex_;
  ListedKeys listed_;                         // of `discovery: file`
  Generations generations_;                   // guarded by mutex_
  std::optional<std::string> state_problem_;  // guarded by mutex_
  bool is_clock_wrong_ = false;               // guarded by housekeeping_mutex_
  std::shared_ptr<const Snapshot> snapshot_;  // guarded by mutex_
  std::list<Parked> parked_;                  // guarded by mutex_
  std::uint64_t wish_ = 0;                    // guarded by mutex_; of the last rescan wished for
  Clock::time_point wished_at_{};             // guarded by mutex_; from then on it is searched
  std::vector<Search> searches_;              // guarded by mutex_; by token
  std::string prepared_;                      // guarded by housekeeping_mutex_; a key_id
  std::string failed_write_;                  // guarded by housekeeping_mutex_; why, as told
  std::string pinned_problem_;                // guarded by housekeeping_mutex_; as told
  Clock::time_point state_read_at_{};         // guarded by housekeeping_mutex_
};

}  // namespace mortise::hsm
