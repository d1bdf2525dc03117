// SPDX-License-Identifier: Apache-2.0
// What a call of the apiserver meets: see token_keyring.h. Its upkeep is in
// token_keyring_upkeep.cc.
#include "hsm/token_keyring.h"

#include <algorithm>

#include "base/version.h"
#include "hsm/scheme/envelope.h"
#include "hsm/scheme/key_id.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxParked = 4096;
constexpr auto kBetweenWishes = 1s;

template <typename T>
void Fail(const Done<T>& done, Reason reason, const std::string& message) {
  done(Error(reason, message));
}

}  // namespace

std::shared_ptr<const TokenKeyring::Snapshot> TokenKeyring::snapshot() const {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}

void TokenKeyring::Unwrap(std::string_view ciphertext, std::string_view key_id, Call call,
                          Done<SecretBytes> done) {
  const std::optional<KeyIdParts> parts = ParseKeyId(key_id);
  if (!parts || parts->keyring != settings_.name) {
    return Fail(done, Reason::kKeyNotFound, "that key_id is not of this keyring");
  }
  UnwrapNow(std::string(ciphertext), std::string(key_id), call, std::move(done), std::nullopt);
}

void TokenKeyring::UnwrapNow(std::string ciphertext, std::string key_id, const Call& call,
                             Done<SecretBytes> done, std::optional<std::uint64_t> awaited) {
  const std::shared_ptr<const Snapshot> now = snapshot();
  const auto found = now->by_id.find(key_id);
  if (found == now->by_id.end()) {
    // Perhaps a scan shows it: the first one, or one more for a key that is new.
    const std::optional<std::uint64_t> wish =
        !now->is_complete ? 0 : (awaited ? std::nullopt : WishRescan());
    if (!wish) return Fail(done, Reason::kKeyNotFound, "no KEK of this keyring has that key_id");
    auto shared_done = std::make_shared<Done<SecretBytes>>(std::move(done));
    return Park({.call = call,
                 .key_id = key_id,
                 .wish = *wish,
                 .retry = [this, ciphertext, key_id, call, shared_done,
                           wish] { UnwrapNow(ciphertext, key_id, call, *shared_done, wish); },
                 .fail = [shared_done](const Error& error) { (*shared_done)(error); }});
  }
  const std::shared_ptr<const Kek> kek = found->second;
  if (kek->is_quarantined)
    return Fail(done, Reason::kKeyQuarantined,
                "this KEK is quarantined by the file of its name in stateDir/quarantine");
  if (kek->is_foreign)
    return Fail(done, Reason::kKeyForeign,
                "the token holds other key material under this KEK's name");
  if (kek->holders.empty())
    return Fail(done, Reason::kKeyMissing, "no token shows the KEK " + key_id);
  try {
    Envelope::Parse(AsBytes(ciphertext));
  } catch (const Error& error) {
    return done(error);
  }
  group_.Unwrap(
      kek->holders, kek->reference, ciphertext, call,
      [this, kek, done = std::move(done)](Outcome<SecretBytes> outcome, std::size_t token) {
        if (std::holds_alternative<SecretBytes>(outcome)) {
          kek->life->Proved(token, Clock::now());
          kek->life->has_unwrapped.store(true, std::memory_order_relaxed);
          budget_.NoteUnwrap(kek->key_id, WallNow());
        }
        done(std::move(outcome));
      });
}

void TokenKeyring::Wrap(SecretBytes seed, Call call, Done<Wrapped> done) {
  if (seed.empty() || seed.size() > kMaxSeedSize) {
    return Fail(done, Reason::kPlaintextInvalid,
                "a plaintext has 1 to 128 bytes; kube-apiserver sends 32");
  }
  WrapNow(std::make_shared<SecretBytes>(std::move(seed)), call, std::move(done));
}

void TokenKeyring::ParkWrap(std::shared_ptr<SecretBytes> seed, const Call& call, Done<Wrapped> done,
                            bool is_rated) {
  auto shared_done = std::make_shared<Done<Wrapped>>(std::move(done));
  Park({.call = call,
        .key_id = {},
        .retry = [this, seed, call, shared_done,
                  is_rated] { WrapNow(seed, call, *shared_done, is_rated); },
        .fail = [shared_done](const Error& error) { (*shared_done)(error); }});
}

void TokenKeyring::WrapNow(std::shared_ptr<SecretBytes> seed, const Call& call, Done<Wrapped> done,
                           bool is_rated) {
  const std::shared_ptr<const Snapshot> now = snapshot();
  if (now->MustWaitToWrap()) return ParkWrap(std::move(seed), call, std::move(done), is_rated);
  if (now->wrap_refusal) return done(*now->wrap_refusal);
  if (!now->active || now->wrap_holders.empty())
    return Fail(done, Reason::kUnavailable, "no KEK is active yet");
  if (!is_rated && !rate_.TryTake(Clock::now()))
    return Fail(done, Reason::kWrapRate, "keyrings[].maxWrapsPerSecond is exceeded");
  const std::shared_ptr<const Kek> kek = now->active;
  bool has_wrap = false;
  try {
    has_wrap = budget_.Spend(kek->key_id, settings_.wrap_limit);
  } catch (const Error& error) {
    return done(error);
  }
  if (!has_wrap) return ParkWrap(std::move(seed), call, std::move(done), true);
  group_.WrapAndProve(
      now->wrap_holders, kek->reference, std::move(*seed), call,
      [this, kek, done = std::move(done)](Outcome<std::string> outcome, std::size_t token) {
        if (const Error* error = std::get_if<Error>(&outcome)) {
          if (error->reason() == Reason::kProofFailed) DoubtWraps(kek->key_id, token);
          return done(*error);
        }
        kek->life->Proved(token, Clock::now());
        done(Wrapped{std::move(std::get<std::string>(outcome)), kek->key_id});
      });
}

// The next wraps there wait for another self-test.
void TokenKeyring::DoubtWraps(const std::string& key_id, std::size_t token) {
  const std::lock_guard lock(mutex_);
  generations_.DoubtWraps(key_id, token);
  snapshot_ = MakeSnapshot();
}

// The number of the rescan that may show an unknown key; nothing: there was one just now.
std::optional<std::uint64_t> TokenKeyring::WishRescan() {
  const std::lock_guard lock(mutex_);
  const Clock::time_point now = Clock::now();
  const bool is_under_way = wish_ > 0 && !IsSearched(wish_);
  // A search that has begun may have passed by a key that is made now.
  const bool has_begun = std::ranges::any_of(
      searches_, [&](const Search& search) { return search.is_up && search.begun >= wish_; });
  if (is_under_way && !has_begun) return wish_;
  const Clock::time_point earliest = wish_ > 0 ? wished_at_ + kBetweenWishes : now;
  if (!is_under_way && now < earliest) return std::nullopt;
  wished_at_ = std::max(now, earliest);
  return ++wish_;
}

// Whether every token that is up was searched since that wish; not while none is up.
bool TokenKeyring::IsSearched(std::uint64_t wish) const {
  return std::ranges::any_of(searches_, &Search::is_up) &&
         std::ranges::all_of(
             searches_, [&](const Search& search) { return !search.is_up || search.done >= wish; });
}

bool TokenKeyring::WantsScan(std::size_t token) const {
  const std::lock_guard lock(mutex_);
  return searches_[token].begun < wish_ && Clock::now() >= wished_at_;
}

void TokenKeyring::OnScanBegins(std::size_t token) {
  const std::lock_guard lock(mutex_);
  searches_[token].begun = wish_;
}

void TokenKeyring::Park(Parked parked) {
  bool is_over = false;
  {
    const std::lock_guard lock(mutex_);
    // What it waits for may have come since it was judged, and nobody else would look.
    is_over = !MustWait(parked);
    if (!is_over && parked_.size() < kMaxParked) {
      parked_.push_back(std::move(parked));
      return;
    }
  }
  if (is_over) return parked.retry();
  parked.fail(Error(Reason::kQueueFull, "too many requests wait for the token's first search"));
}

bool TokenKeyring::IsRefilling() const {
  return snapshot_->active && budget_.IsRefilling(snapshot_->active->key_id);
}

bool TokenKeyring::MustWait(const Parked& parked) const {
  if (parked.key_id.empty()) return snapshot_->MustWaitToWrap() || IsRefilling();
  if (snapshot_->by_id.contains(parked.key_id)) return false;
  return !snapshot_->is_complete || !IsSearched(parked.wish);
}

// Each is judged anew, and may be parked again.
void TokenKeyring::RetryParked() {
  std::list<Parked> ready;
  {
    const std::lock_guard lock(mutex_);
    for (auto parked = parked_.begin(); parked != parked_.end();) {
      const auto next = std::next(parked);
      if (!MustWait(*parked)) ready.splice(ready.end(), parked_, parked);
      parked = next;
    }
  }
  for (const Parked& parked : ready) parked.retry();
}

void TokenKeyring::Stop() {
  std::list<Parked> parked;
  {
    const std::lock_guard lock(mutex_);
    parked = std::exchange(parked_, {});
  }
  for (const Parked& one : parked)
    one.fail(Error(Reason::kUnavailable, "this process is stopping"));
}

std::string TokenKeyring::ClockProblem(WallTime now) const {
  const WallTime earliest =
      std::max(BuildTime(), generations_.history().last_time_seen.value_or(WallTime{}) - 60s);
  if (now >= earliest) return {};
  return "this machine's clock shows " + FormatTime(now) + ", but it is later than " +
         FormatTime(earliest) + "; set the clock";
}

std::string TokenKeyring::WaitingFor() const {
  const WallTime now = WallNow();
  if (IsRefilling()) return "the state folder, to record the next wraps";
  // What was good before goes on to hold.
  const std::string file_problem = listed_.problem();
  if (!file_problem.empty() && !listed_.keys()) return "a keysFile that is good: " + file_problem;
  if (!generations_.is_complete() || generations_.all().empty())
    return generations_.WaitingFor(now);
  if (state_problem_) return "the state folder: " + *state_problem_;
  if (const std::string problem = ClockProblem(now); !problem.empty())
    return "a clock that is right: " + problem;
  return generations_.WaitingFor(now);
}

// `any_up`: then it is no worker that is missing.
Error TokenKeyring::EndOfWait(const Parked& parked, const std::string& waiting_for, bool any_up) {
  if (parked.call.cancelled->load()) return Error(Reason::kCancelled, "the caller went away");
  const bool is_search = any_up && !parked.key_id.empty();
  return Error(
      any_up ? Reason::kUnavailable : Reason::kNoWorker,
      "still waiting for " + (is_search ? "the token to be searched for this key" : waiting_for));
}

void TokenKeyring::Tick(Clock::time_point now) {
  std::vector<Parked> ended;
  std::string waiting_for;
  bool any_up = false;
  {
    const std::lock_guard lock(mutex_);
    if (parked_.empty()) return;
    for (auto parked = parked_.begin(); parked != parked_.end();) {
      const bool is_over = parked->call.cancelled->load() || now >= parked->call.deadline - 200ms;
      if (is_over) ended.push_back(std::move(*parked));
      parked = is_over ? parked_.erase(parked) : std::next(parked);
    }
    if (!ended.empty()) waiting_for = WaitingFor();
    any_up = std::ranges::any_of(searches_, &Search::is_up);
  }
  for (const Parked& parked : ended) parked.fail(EndOfWait(parked, waiting_for, any_up));
}

}  // namespace mortise::hsm
