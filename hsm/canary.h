// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/digest.h"
#include "hsm/scheme/canary_proof.h"

namespace mortise::hsm {

inline constexpr std::size_t kCanarySize = 32;  // random bytes, wrapped with Purpose::kCanary

// Why a canary's key is trusted.
enum class CanarySource : std::uint8_t { kCreated, kFirstUse, kPinned };
std::string_view Name(CanarySource source);  // "created", "first-use", "pinned"

// A random value that was wrapped under a KEK, and what it must open to. Whoever can
// open it holds the same key material.
struct Canary {
  std::string key_id;
  WallTime first_seen{};
  CanarySource source = CanarySource::kFirstUse;
  std::string token;  // where it was wrapped
  std::string blob;   // an envelope
  Digest proof{};     // CanaryProof of the random bytes, which are kept nowhere
  bool operator==(const Canary&) const = default;
};

// One line of JSON, the form of canaries/<key_id>.json and of a canaries file.
std::string FormatCanary(const Canary& canary);

// Throws Error(kStateUnusable) with the reason for anything else; what a later version may
// have added is passed over.
Canary ParseCanary(std::string_view text);

}  // namespace mortise::hsm
