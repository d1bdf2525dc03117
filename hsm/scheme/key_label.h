// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "hsm/scheme/envelope.h"
#include "hsm/scheme/key_id.h"

namespace mortise::hsm {

// What CKA_LABEL says of a key: "prod.3.20260131T1200Z.01.c7d386", with ".m" or ".s" at the
// end for a MAC or signer key. ".x" marks the object that withdraws the generation.
struct KeyLabel {
  std::string keyring;
  std::uint32_t generation = 0;  // 1..9999
  WallTime activation{};         // a whole minute
  SchemeId scheme = SchemeId::kAesGcm;
  std::string context_tag;  // six hexadecimal digits
  KeyRole role = KeyRole::kWrap;
  bool withdrawn = false;
  bool operator==(const KeyLabel&) const = default;
};

// Nothing unless the text has exactly the form of a label. A token may hold any label.
std::optional<KeyLabel> ParseKeyLabel(std::string_view text);

// Throws Error(kInternal) for a label that would not read back as it is.
std::string FormatKeyLabel(const KeyLabel& label);

// Six hexadecimal digits that tell one cluster's keys from another's.
std::string ContextTag(std::string_view context);

// [a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?
bool IsKeyringName(std::string_view text);

// Decimal 1..9999 without leading zero.
std::optional<std::uint32_t> ParseGeneration(std::string_view text);

// Exactly `size` lower-case hexadecimal digits.
bool IsLowerHex(std::string_view text, std::size_t size);

}  // namespace mortise::hsm
