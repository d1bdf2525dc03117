// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/pin_latch.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"

namespace mortise::hsm {
namespace {

// A first try, and three more after a process died in it.
constexpr int kMaxTries = 1 + 3;
constexpr auto kUnlatchPatience = std::chrono::seconds(5);

std::string Words(TokenPinFlags flags) {
  if (flags.locked) return "the token says the PIN is locked";
  if (flags.final_try) return "the token says one try is left";
  return "the token says few tries are left";
}

// Token names come from the configuration, where they may be any text.
std::string FileNameOf(const std::string& token_name) {
  const bool is_plain = !token_name.empty() && token_name.front() != '.' &&
                        token_name.find('/') == std::string::npos &&
                        token_name.find('\0') == std::string::npos;
  if (is_plain) return token_name;
  throw Error(Reason::kConfig, "token name " + Printable(token_name) +
                                   ": it names a file, so it must be without '/' and not begin "
                                   "with '.'; rename the token in the configuration");
}

}  // namespace

struct PinLatch::Found {
  std::optional<PinRecord> record;
  bool is_newer = false;  // there is one, but only a newer version understands it
  std::string damage;     // why there is one that nobody understands
};

PinLatch::PinLatch(const std::string& state_dir, std::string token_name, std::string serial)
    : token_name_(std::move(token_name)),
      serial_(std::move(serial)),
      state_dir_(state_dir),
      folder_(state_dir + "/pin-latch"),
      path_(folder_ + "/" + FileNameOf(token_name_) + ".json") {}

PinLatch::Attempt PinLatch::Begin(ByteView pin, TokenPinFlags flags, UnrecordedLogin unrecorded,
                                  Clock::duration patience) {
  Attempt attempt;
  attempt.latch_ = this;
  attempt.lock_ = Lock(patience);
  attempt.record_ = PinRecord::Of(pin, serial_);

  const Found found = ReadRecord();
  attempt.record_.tries = NextTry(found, pin, flags);
  if (found.is_newer) {
    attempt.may_write_ = false;
    RequireUnrecorded(flags, unrecorded, "it is of a newer version");
  } else {
    try {
      WriteFileAtomically(path_, attempt.record_.Text());
      attempt.is_recorded_ = true;
    } catch (const Error& error) {
      RequireUnrecorded(flags, unrecorded, error.what());
    }
  }
  has_spent_unrecorded_ = has_spent_unrecorded_ || !attempt.is_recorded_;
  return attempt;
}

// Which try of this PIN may come now, counted from 1; refuses when none may.
int PinLatch::NextTry(const Found& found, ByteView pin, TokenPinFlags flags) const {
  if (!found.damage.empty()) Refuse("the record is damaged: " + found.damage, 0);
  if (!found.record || !found.record->IsAbout(pin, serial_)) return 1;
  const PinRecord& last = *found.record;
  if (last.state == PinRecord::State::kRejected) {
    Refuse("the token rejected this PIN at " + FormatTime(last.at), last.ckr);
  }
  if (flags.are_clean() && last.tries < kMaxTries) return last.tries + 1;
  // We hold the lock, so whoever tried is dead, and nobody knows what the token said.
  WriteRejected(last);
  Refuse(fmt::format("{} with this PIN ended without an answer and {}",
                     last.tries == 1 ? "a login" : fmt::format("{} logins", last.tries),
                     flags.are_clean() ? "no more are tried" : Words(flags)),
         0);
}

bool PinLatch::Unlatch() {
  const std::optional<FileLock> lock = Lock(kUnlatchPatience);
  return RemoveFile(path_);
}

// Nothing where there is no folder to lock: then nothing can be recorded either.
std::optional<FileLock> PinLatch::Lock(Clock::duration patience) const {
  for (const std::string& path : {path_ + ".lock", folder_, state_dir_}) {
    try {
      std::optional<FileLock> lock = FileLock::Acquire(path, patience);
      if (lock) return lock;
    } catch (const Error&) {
      continue;  // a read-only folder without lock file: the folder itself can be locked
    }
    throw Error(Reason::kUnavailable, "token " + token_name_ +
                                          ": another process has been logging in for too long (" +
                                          path + " is locked); it will be tried again");
  }
  return std::nullopt;
}

PinLatch::Found PinLatch::ReadRecord() const {
  std::error_code ignored;
  if (!std::filesystem::exists(std::filesystem::symlink_status(path_, ignored))) return {};
  Found found;
  try {
    found.record = PinRecord::Parse(ReadFile(path_));
    found.is_newer = !found.record.has_value();
  } catch (const Error& error) {
    found.damage = error.what();
  }
  return found;
}

// Where this cannot be written the record *trying* stays, which the next Begin judges alike.
void PinLatch::WriteRejected(PinRecord record) const {
  record.state = PinRecord::State::kRejected;
  record.at = WallNow();
  try {
    WriteFileAtomically(path_, record.Text());
  } catch (const Error&) {
  }
}

void PinLatch::Refuse(const std::string& why, std::uint64_t ckr) const {
  throw Error(
      Reason::kPinRejected,
      fmt::format("token {}: no login, because {} ({}). Put the right PIN into the token's "
                  "pinFile; a PIN that is rejected once is not sent again, since tries are few. "
                  "If the PIN in the file is right already (one corrected PIN in 256 looks like "
                  "the rejected one), run: mortise token unlatch --config FILE --token {}",
                  token_name_, why, path_, token_name_),
      ckr);
}

void PinLatch::RequireUnrecorded(TokenPinFlags flags, UnrecordedLogin unrecorded,
                                 const std::string& why) const {
  const bool is_spent = has_spent_unrecorded_ || unrecorded == UnrecordedLogin::kRefused;
  if (flags.are_clean() && !is_spent) {
    if (unrecorded == UnrecordedLogin::kAllowed) return;
    throw Error(Reason::kBusy, fmt::format("token {}: another login is under way, and no record of "
                                           "one can be written to {} ({}); it is tried again soon",
                                           token_name_, path_, why));
  }
  throw Error(Reason::kPinRejected,
              fmt::format("token {}: no login, because no record of it can be written to {} ({}) "
                          "and {}. Make the state folder writable and restart",
                          token_name_, path_, why,
                          is_spent ? "the one try of this start is spent" : Words(flags)));
}

void PinLatch::Attempt::Succeeded() {
  latch_->has_spent_unrecorded_ = false;
  RemoveRecord();
}

void PinLatch::Attempt::Rejected(std::uint64_t ckr) {
  record_.ckr = ckr;
  if (may_write_) latch_->WriteRejected(record_);
  lock_.reset();
}

void PinLatch::Attempt::NotJudged() {
  RemoveRecord();
}

// A folder that has become read-only since keeps *trying*; it is tried again, three times.
void PinLatch::Attempt::RemoveRecord() {
  try {
    if (may_write_) RemoveFile(latch_->path_);
  } catch (const Error&) {
  }
  lock_.reset();
}

}  // namespace mortise::hsm
