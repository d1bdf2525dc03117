// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace mortise::hsm {

// How a seed is wrapped, as the number stored in every ciphertext. Never renumbered.
enum class SchemeId : std::uint8_t {
  kAesGcm = 1,
  kAesGcmPrepended = 2,  // aes-gcm whose IV the token puts before its output
  kAesKwp = 3,
  kAesCbcHmac = 4,
  kRsaOaepHmac = 5,
  kRsaOaepSign = 6,
  kRsaOaepHmacSha1 = 7,
  kRsaOaepSignSha1 = 8,
};

std::string_view Name(SchemeId scheme);  // "aes-gcm", "aes-gcm-prepended", "aes-kwp", ...

// A seed is what kube-apiserver has wrapped; an envelope is what it stores.
inline constexpr std::size_t kMaxSeedSize = 128;
inline constexpr std::size_t kMaxEnvelopeSize = 1024;  // KMS v2's limit for `ciphertext`
inline constexpr std::size_t kEnvelopeHeaderSize = 4;

// The parts of a stored ciphertext. They are views into the bytes that were parsed.
struct Envelope {
  SchemeId scheme{};
  ByteView iv;
  ByteView body;
  ByteView tag;

  // The first four bytes, which every wrap authenticates.
  std::array<std::uint8_t, kEnvelopeHeaderSize> header() const;

  // Throws Error(kCiphertextRefused, "ciphertext refused") unless the lengths are those
  // of the scheme for some seed of 1..128 bytes: one text for all, so it is no oracle.
  static Envelope Parse(ByteView bytes);
};

// Throws Error(kInternal) for parts that Parse would refuse.
std::string Serialize(SchemeId scheme, ByteView iv, ByteView body, ByteView tag);

// The header of an envelope yet to be made; what Binding needs before wrapping.
std::array<std::uint8_t, kEnvelopeHeaderSize> EnvelopeHeader(SchemeId scheme, std::size_t iv_size,
                                                             std::size_t tag_size);

}  // namespace mortise::hsm
