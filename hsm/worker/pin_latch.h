// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/file_lock.h"
#include "hsm/worker/message.h"
#include "hsm/worker/pin_record.h"

namespace mortise::hsm {

// What CK_TOKEN_INFO says of the user PIN's failure counter.
struct TokenPinFlags {
  bool count_low = false;  // CKF_USER_PIN_COUNT_LOW
  bool final_try = false;  // CKF_USER_PIN_FINAL_TRY
  bool locked = false;     // CKF_USER_PIN_LOCKED
  bool are_clean() const { return !count_low && !final_try && !locked; }
};

// Sees to it that a PIN is tried once: a record is on disk before C_Login, and a rejected
// PIN stays rejected over restarts and processes until it changes or an operator unlatches
// it. An HSM must not be locked by a crash loop.
//
// Whoever calls C_Login uses it, in any process:
//   PinLatch latch(state_dir, "hsm-a", serial);
//   PinLatch::Attempt attempt = latch.Begin(pin, flags);  // throws: do not call C_Login
//   const CK_RV rv = C_Login(...);
//   then exactly one of attempt.Succeeded(), .Rejected(rv), .NotJudged()
//
// Not thread-safe; two of them in one process behave as in two processes.
class PinLatch {
 public:
  // `token_name` is the name in the configuration (a credential of another role gets a
  // name of its own, such as "hsm-a.admin"); `serial` the one that the token reports.
  PinLatch(const std::string& state_dir, std::string token_name, std::string serial);

  // Permission for one C_Login. While it lives no other process logs in to this token.
  class Attempt {
   public:
    void Succeeded();                  // CKR_OK, or USER_ALREADY_LOGGED_IN
    void Rejected(std::uint64_t ckr);  // an answer that judges the PIN: wrong, locked, expired...
    void NotJudged();                  // any other answer: the device was gone, a session was lost

    // Without a verdict the record *trying* stays: the process is dying in C_Login.
    ~Attempt() = default;
    Attempt(Attempt&&) = default;
    Attempt& operator=(Attempt&&) = default;

    bool is_recorded() const { return is_recorded_; }

   private:
    friend class PinLatch;
    Attempt() = default;
    void RemoveRecord();

    PinLatch* latch_ = nullptr;  // outlives the attempt
    std::optional<FileLock> lock_;
    PinRecord record_;
    bool is_recorded_ = false;
    bool may_write_ = true;  // false before a record of a newer version
  };

  // Waits at most `patience` for another process's login. Throws Error(kPinRejected) when
  // this PIN must not be sent, Error(kUnavailable) when the wait was too long, and
  // Error(kBusy) when `unrecorded` says that another goes first.
  Attempt Begin(ByteView pin, TokenPinFlags flags,
                UnrecordedLogin unrecorded = UnrecordedLogin::kAllowed,
                Clock::duration patience = std::chrono::seconds(120));

  // Forgets what is recorded; false when nothing was. Throws Error(kUnavailable) while a
  // login is under way, Error(kStateUnusable) when the folder cannot be written.
  bool Unlatch();

  const std::string& path() const { return path_; }

 private:
  struct Found;
  std::optional<FileLock> Lock(Clock::duration patience) const;
  Found ReadRecord() const;
  int NextTry(const Found& found, ByteView pin, TokenPinFlags flags) const;
  void WriteRejected(PinRecord record) const;
  [[noreturn]] void Refuse(const std::string& why, std::uint64_t ckr) const;
  void RequireUnrecorded(TokenPinFlags flags, UnrecordedLogin unrecorded,
                         const std::string& why) const;

  std::string token_name_;
  std::string serial_;
  std::string state_dir_;
  std::string folder_;
  std::string path_;
  bool has_spent_unrecorded_ = false;
};

}  // namespace mortise::hsm
