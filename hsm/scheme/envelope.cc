// SPDX-License-Identifier: Apache-2.0
#include "hsm/scheme/envelope.h"

#include <algorithm>
#include <optional>

#include "base/error.h"

namespace mortise::hsm {
namespace {

constexpr std::uint8_t kEnvelopeVersion = 1;

// A scheme's lengths in bytes. The body's are those that some seed of 1..128 bytes gives.
struct SchemeForm {
  SchemeId scheme;
  std::string_view name;
  std::array<std::uint8_t, 2> iv_sizes;  // either; the same twice where there is one
  std::uint8_t tag_size;
  std::size_t smallest_body;
  std::size_t largest_body;
  std::size_t body_step;
};

constexpr std::size_t RoundUp(std::size_t size, std::size_t block) {
  return (size + block - 1) / block * block;
}
constexpr std::size_t kGcmOverhead = 12 + 16;  // the token's own IV and its tag
constexpr std::size_t KwpBody(std::size_t seed) {
  return RoundUp(32 + 1 + seed, 8) + 8;
}
constexpr std::size_t CbcBody(std::size_t seed) {
  return RoundUp(1 + seed, 16);
}
constexpr std::size_t kSmallestModulus = 3072 / 8;
constexpr std::size_t LargestModulus(std::size_t tag) {
  return kMaxEnvelopeSize - kEnvelopeHeaderSize - tag;
}

using enum SchemeId;
constexpr std::array<SchemeForm, 8> kForms = {{
    {kAesGcm, "aes-gcm", {12, 16}, 16, 1, kMaxSeedSize, 1},
    {kAesGcmPrepended,
     "aes-gcm-prepended",
     {0, 0},
     0,
     1 + kGcmOverhead,
     kMaxSeedSize + kGcmOverhead,
     1},
    {kAesKwp, "aes-kwp", {0, 0}, 0, KwpBody(1), KwpBody(kMaxSeedSize), 8},
    {kAesCbcHmac, "aes-cbc-hmac", {16, 16}, 32, CbcBody(1), CbcBody(kMaxSeedSize), 16},
    {kRsaOaepHmac, "rsa-oaep-hmac", {0, 0}, 32, kSmallestModulus, LargestModulus(32), 1},
    {kRsaOaepSign, "rsa-oaep-sign", {0, 0}, 64, kSmallestModulus, LargestModulus(64), 1},
    {kRsaOaepHmacSha1, "rsa-oaep-hmac-sha1", {0, 0}, 32, kSmallestModulus, LargestModulus(32), 1},
    {kRsaOaepSignSha1, "rsa-oaep-sign-sha1", {0, 0}, 64, kSmallestModulus, LargestModulus(64), 1},
}};

const SchemeForm* FormOf(std::uint8_t scheme) {
  const auto form = std::find_if(kForms.begin(), kForms.end(), [scheme](const SchemeForm& each) {
    return static_cast<std::uint8_t>(each.scheme) == scheme;
  });
  return form == kForms.end() ? nullptr : &*form;
}

std::optional<Envelope> TryParse(ByteView bytes) {
  if (bytes.size() < kEnvelopeHeaderSize || bytes.size() > kMaxEnvelopeSize) return std::nullopt;
  const std::size_t iv_size = bytes[2];
  const std::size_t tag_size = bytes[3];
  const SchemeForm* form = FormOf(bytes[1]);
  if (bytes[0] != kEnvelopeVersion || form == nullptr || tag_size != form->tag_size ||
      (iv_size != form->iv_sizes[0] && iv_size != form->iv_sizes[1])) {
    return std::nullopt;
  }
  const ByteView rest = bytes.subspan(kEnvelopeHeaderSize);
  if (rest.size() < iv_size + form->smallest_body + tag_size) return std::nullopt;
  const std::size_t body_size = rest.size() - iv_size - tag_size;
  if (body_size > form->largest_body || (body_size - form->smallest_body) % form->body_step != 0) {
    return std::nullopt;
  }
  return Envelope{form->scheme, rest.first(iv_size), rest.subspan(iv_size, body_size),
                  rest.last(tag_size)};
}

}  // namespace

std::string_view Name(SchemeId scheme) {
  const SchemeForm* form = FormOf(static_cast<std::uint8_t>(scheme));
  return form == nullptr ? "unknown" : form->name;
}

std::array<std::uint8_t, kEnvelopeHeaderSize> Envelope::header() const {
  return EnvelopeHeader(scheme, iv.size(), tag.size());
}

Envelope Envelope::Parse(ByteView bytes) {
  const std::optional<Envelope> envelope = TryParse(bytes);
  if (!envelope) throw Error(Reason::kCiphertextRefused, "ciphertext refused");
  return *envelope;
}

std::string Serialize(SchemeId scheme, ByteView iv, ByteView body, ByteView tag) {
  const auto header = EnvelopeHeader(scheme, iv.size(), tag.size());
  std::string envelope(AsText(header));
  envelope.append(AsText(iv)).append(AsText(body)).append(AsText(tag));
  const std::optional<Envelope> parsed = TryParse(AsBytes(envelope));
  // The sizes are compared too: a length above 255 would be cut to eight bits.
  if (!parsed || parsed->iv.size() != iv.size() || parsed->tag.size() != tag.size()) {
    throw Error(Reason::kInternal, "these parts make no envelope of scheme " +
                                       std::string(Name(scheme)) + "; please report this");
  }
  return envelope;
}

std::array<std::uint8_t, kEnvelopeHeaderSize> EnvelopeHeader(SchemeId scheme, std::size_t iv_size,
                                                             std::size_t tag_size) {
  return {kEnvelopeVersion, static_cast<std::uint8_t>(scheme), static_cast<std::uint8_t>(iv_size),
          static_cast<std::uint8_t>(tag_size)};
}

}  // namespace mortise::hsm
