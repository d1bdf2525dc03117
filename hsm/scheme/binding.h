// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/digest.h"

namespace mortise::hsm {

// What a wrap is for. The Decrypt RPC opens kSeed only, so no canary is ever a seed.
enum class Purpose : std::uint8_t { kSeed = 1, kCanary = 2, kSelfTest = 3 };

// D of FORMATS.md: what every wrap authenticates beside its content, so that a
// ciphertext opens only for the purpose, keyring, cluster and key it was made for.
Digest Binding(Purpose purpose, std::span<const std::uint8_t, 4> envelope_header,
               std::string_view keyring, std::string_view context, std::string_view key_id);

}  // namespace mortise::hsm
