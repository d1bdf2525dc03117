// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"

namespace mortise::hsm {

// What pin-latch/<token>.json says: that this PIN is being tried, or was rejected. Of
// the PIN it keeps one byte of a salted HMAC, which is of no use for guessing.
struct PinRecord {
  enum class State : std::uint8_t { kTrying, kRejected };

  std::string serial;  // as Printable: a token may report bytes that are no text
  State state = State::kTrying;
  std::uint64_t ckr = 0;  // why it was rejected; 0 while trying
  WallTime at{};
  int tries = 1;  // C_Login calls begun since a verdict
  Bytes salt;
  std::uint8_t tag = 0;

  // A record of a first try of `pin`, with a fresh salt.
  static PinRecord Of(ByteView pin, std::string_view serial);

  // Whether this is about that PIN of that token; also true for one other PIN in 256.
  bool IsAbout(ByteView pin, std::string_view token_serial) const;

  std::string Text() const;

  // Nothing for a text of a newer version that this one cannot understand. Throws
  // Error(kStateUnusable) for a damaged one. Neither message nor result holds a secret.
  static std::optional<PinRecord> Parse(std::string_view text);
};

}  // namespace mortise::hsm
