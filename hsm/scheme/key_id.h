// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "hsm/scheme/envelope.h"

namespace mortise::hsm {

// What a key object of a KEK does. Never renumbered.
enum class KeyRole : std::uint8_t { kWrap = 1, kMac = 2, kSigner = 3 };
std::string_view Name(KeyRole role);  // "wrap", "mac", "signer"

struct KeyObject {
  KeyRole role = KeyRole::kWrap;
  Bytes id;                 // CKA_ID
  Bytes public_key_digest;  // SHA-256 of the DER SubjectPublicKeyInfo; empty for secret keys
  Bytes salt;               // from the keysFile; only an id of under 8 bytes needs one
};

// "<keyring>.<generation>.<16 hex>": the name of a KEK to kube-apiserver. Another context,
// scheme or key object gives another name. The order of `objects` does not matter.
// Throws Error(kConfig) for an id of under 8 bytes without salt.
std::string MakeKeyId(std::string_view keyring, std::string_view context, std::uint32_t generation,
                      SchemeId scheme, std::span<const KeyObject> objects);

struct KeyIdParts {
  std::string keyring;
  std::uint32_t generation = 0;
  std::string digest;  // 16 lower-case hexadecimal digits
  bool operator==(const KeyIdParts&) const = default;
};

// Nothing unless the text has exactly the form of a key_id.
std::optional<KeyIdParts> ParseKeyId(std::string_view text);

}  // namespace mortise::hsm
