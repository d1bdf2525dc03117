// SPDX-License-Identifier: Apache-2.0
#include "hsm/scheme/payload.h"

#include <algorithm>

#include "hsm/scheme/refusal.h"

namespace mortise::hsm {
namespace {

constexpr std::size_t kBlock = 16;
// A shorter seed may stand in good ciphertext by chance.
constexpr std::size_t kTelling = 16;

std::size_t PaddedSize(std::size_t seed) {
  return (1 + seed + kBlock - 1) / kBlock * kBlock;
}

}  // namespace

Digest BindingFor(const WrapIdentity& identity,
                  const std::array<std::uint8_t, kEnvelopeHeaderSize>& header) {
  return Binding(identity.purpose, header, identity.keyring, identity.context, identity.key_id);
}

SecretBytes BoundPayload(const Digest& binding, ByteView seed) {
  SecretBytes payload(binding.size() + 1 + seed.size());
  std::uint8_t* const n = std::copy(binding.begin(), binding.end(), payload.data());
  *n = static_cast<std::uint8_t>(seed.size());
  std::copy(seed.begin(), seed.end(), n + 1);
  return payload;
}

SecretBytes OpenBoundPayload(const Digest& binding, ByteView payload) {
  const std::size_t fixed = binding.size() + 1;
  if (payload.size() <= fixed || payload.size() > fixed + kMaxSeedSize) RefuseCiphertext();
  const ByteView seed = payload.subspan(fixed);
  if (!EqualInConstantTime(payload.first(binding.size()), binding)) RefuseCiphertext();
  if (payload[binding.size()] != seed.size()) RefuseCiphertext();
  return SecretBytes(seed);
}

SecretBytes PaddedPayload(ByteView seed) {
  SecretBytes payload(PaddedSize(seed.size()));
  payload.data()[0] = static_cast<std::uint8_t>(seed.size());
  std::copy(seed.begin(), seed.end(), payload.data() + 1);
  return payload;
}

SecretBytes OpenPaddedPayload(ByteView payload) {
  if (payload.empty()) RefuseCiphertext();
  const std::size_t n = payload[0];
  if (n == 0 || n > kMaxSeedSize || PaddedSize(n) != payload.size()) RefuseCiphertext();
  const ByteView zeros = payload.subspan(1 + n);
  if (std::ranges::any_of(zeros, [](std::uint8_t byte) { return byte != 0; })) RefuseCiphertext();
  return SecretBytes(payload.subspan(1, n));
}

void RequireEncrypted(ByteView output, ByteView seed) {
  if (seed.size() < kTelling || std::ranges::search(output, seed).empty()) return;
  throw Error(Reason::kProofFailed,
              "the token gave back what it was to encrypt; it must not be used");
}

}  // namespace mortise::hsm
