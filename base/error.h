// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace mortise {

// Why an operation failed, in terms that an operator can act on. The set is
// closed: it is the metric label, the log field and the heading in docs/errors.md.
enum class Reason : std::uint8_t {
  kUnavailable,        // the device, or the way to it, is gone; try again later
  kSessionLost,        // a session, login or handle died; the request may be sent again
  kBusy,               // the token is out of sessions or memory
  kQueueFull,          // too many requests wait for this token
  kNoWorker,           // no worker of this token came up before the deadline
  kWorkerLost,         // the worker ended while it held the request
  kTimeout,            // the token did not answer within the attempt limit
  kDeadline,           // the caller's time ran out
  kCancelled,          // the caller went away
  kPinRejected,        // wrong, locked or expired PIN; never tried again by itself
  kKeyNotFound,        // no KEK of this keyring has that key_id
  kKeyMissing,         // the KEK is known, but the token does not show it
  kKeyForeign,         // other material, or a key that fails acceptance, under a known name
  kKeyQuarantined,     // Decrypt under this key_id is refused by an operator
  kKeyRefused,         // the token or the attribute policy forbids this use of the key
  kWrapLimit,          // the KEK has spent this node's share of wraps
  kWrapRate,           // maxWrapsPerSecond is exceeded
  kStateUnusable,      // the state folder cannot be written, so nothing is wrapped
  kPlaintextInvalid,   // not 1..128 bytes
  kCiphertextRefused,  // malformed, foreign, or it failed authentication
  kPoisoned,           // the request ended two workers
  kProofFailed,        // a wrap did not open to what was wrapped
  kConfig,             // a mistake in the configuration or the way a command was called
  kPermission,         // the operating system refused
  kInternal,           // a defect here, or a code that the standard does not name
};
inline constexpr std::size_t kReasonCount = static_cast<std::size_t>(Reason::kInternal) + 1;

std::string_view Name(Reason reason);  // "unavailable", "session_lost", ...

// The one exception type of the project. Its message says what happened, where,
// and what to do next; it holds no plaintext, ciphertext or PIN.
class Error : public std::runtime_error {
 public:
  Error(Reason reason, const std::string& message, std::uint64_t ckr = 0)
      : std::runtime_error(message), reason_(reason), ckr_(ckr) {}

  Reason reason() const { return reason_; }
  // The Cryptoki return code behind the failure; 0 (CKR_OK) when none was.
  std::uint64_t ckr() const { return ckr_; }

 private:
  Reason reason_;
  std::uint64_t ckr_;
};

// strerror for any thread.
std::string ErrnoText(int error_number);

}  // namespace mortise
