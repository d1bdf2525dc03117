// SPDX-License-Identifier: Apache-2.0
// What a call of the apiserver meets: see token_keyring.h. Its upkeep is in
// token_keyring_upkeep.cc.
#include "hsm/token_keyring.h"

#include <algorithm>

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
  UnwrapNow(std::string(ciphertext), std::string(key_id), call, std::move(done), false);
}

void TokenKeyring::UnwrapNow(std::string ciphertext, std::string key_id, const Call& call,
                             Done<SecretBytes> done, bool is_retry) {
  const std::shared_ptr<const Snapshot> now = snapshot();
  const auto found = now->by_id.find(key_id);
  if (found == now->by_id.end()) {
    // Perhaps a scan shows it: the first one, or one more for a key that is new.
    const bool may_wait = !now->is_complete || (!is_retry && WishRescan());
    if (!may_wait)
      return Fail(done, Reason::kKeyNotFound, "no KEK of this keyring has that key_id");
    auto shared_done = std::make_shared<Done<SecretBytes>>(std::move(done));
    return Park(
        {.call = call,
         .retry = [this, ciphertext, key_id, call,
                   shared_done] { UnwrapNow(ciphertext, key_id, call, *shared_done, true); },
         .fail = [shared_done](const Error& error) { (*shared_done)(error); }});
  }
  const std::shared_ptr<const Kek> kek = found->second;
  if (kek->is_quarantined)
    return Fail(done, Reason::kKeyQuarantined,
                "this KEK is quarantined; `mortise key release` ends that");
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
  WrapNow(std::make_shared<SecretBytes>(std::move(seed)), call, std::move(done), false);
}

void TokenKeyring::WrapNow(std::shared_ptr<SecretBytes> seed, const Call& call, Done<Wrapped> done,
                           bool is_retry) {
  const std::shared_ptr<const Snapshot> now = snapshot();
  const bool must_wait = !now->is_complete || (now->active && now->wrap_holders.empty());
  if (must_wait && !is_retry && !now->wrap_refusal) {
    auto shared_done = std::make_shared<Done<Wrapped>>(std::move(done));
    return Park(
        {.call = call,
         .retry = [this, seed, call, shared_done] { WrapNow(seed, call, *shared_done, false); },
         .fail = [shared_done](const Error& error) { (*shared_done)(error); }});
  }
  if (now->wrap_refusal) return done(*now->wrap_refusal);
  if (!now->active || now->wrap_holders.empty())
    return Fail(done, Reason::kUnavailable, "no KEK is active yet");
  if (!rate_.TryTake(Clock::now()))
    return Fail(done, Reason::kWrapRate, "keyrings[].maxWrapsPerSecond is exceeded");
  const std::shared_ptr<const Kek> kek = now->active;
  try {
    budget_.Spend(kek->key_id, settings_.wrap_limit);
  } catch (const Error& error) {
    return done(error);
  }
  group_.WrapAndProve(
      now->wrap_holders, kek->reference, std::move(*seed), call,
      [kek, done = std::move(done)](Outcome<std::string> outcome, std::size_t token) {
        if (const Error* error = std::get_if<Error>(&outcome)) return done(*error);
        kek->life->Proved(token, Clock::now());
        done(Wrapped{std::move(std::get<std::string>(outcome)), kek->key_id});
      });
}

bool TokenKeyring::WishRescan() {
  const std::lock_guard lock(mutex_);
  const Clock::time_point now = Clock::now();
  if (now - last_wish_ < kBetweenWishes) return false;
  last_wish_ = now;
  wants_rescan_ = true;
  return true;
}

bool TokenKeyring::TakeRescanWish() {
  const std::lock_guard lock(mutex_);
  return std::exchange(wants_rescan_, false);
}

void TokenKeyring::Park(Parked parked) {
  {
    const std::lock_guard lock(mutex_);
    if (parked_.size() < kMaxParked) {
      parked_.push_back(std::move(parked));
      return;
    }
  }
  parked.fail(Error(Reason::kQueueFull, "too many requests wait for the token's first search"));
}

std::vector<TokenKeyring::Parked> TokenKeyring::TakeParked() {
  const std::lock_guard lock(mutex_);
  std::vector<Parked> taken(std::make_move_iterator(parked_.begin()),
                            std::make_move_iterator(parked_.end()));
  parked_.clear();
  return taken;
}

void TokenKeyring::Stop() {
  for (const Parked& parked : TakeParked())
    parked.fail(Error(Reason::kUnavailable, "this process is stopping"));
}

void TokenKeyring::Tick(Clock::time_point now) {
  std::vector<Parked> ended;
  std::string waiting_for;
  {
    const std::lock_guard lock(mutex_);
    if (parked_.empty()) return;
    for (auto parked = parked_.begin(); parked != parked_.end();) {
      const bool is_over = parked->call.cancelled->load() || now >= parked->call.deadline - 200ms;
      if (is_over) ended.push_back(std::move(*parked));
      parked = is_over ? parked_.erase(parked) : std::next(parked);
    }
    if (!ended.empty()) waiting_for = generations_.WaitingFor(WallNow());
  }
  for (const Parked& parked : ended) {
    parked.fail(parked.call.cancelled->load()
                    ? Error(Reason::kCancelled, "the caller went away")
                    : Error(Reason::kNoWorker, "still waiting for " + waiting_for));
  }
}

}  // namespace mortise::hsm
