// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "hsm/cryptoki/module.h"

namespace mortise::hsm {

// What a token says of itself (CK_TOKEN_INFO).
struct TokenDescription {
  std::string label, manufacturer, model, serial, firmware;
  CK_FLAGS flags = 0;
  CK_ULONG max_sessions = 0;              // 0: no limit is known
  std::optional<CK_ULONG> open_sessions;  // nothing: it does not tell
  CK_ULONG min_pin_size = 0;
  CK_ULONG max_pin_size = 0;  // 0: no limit is known
};

TokenDescription DescribeToken(const Module& module, CK_SLOT_ID slot);

// A slot of the library, with or without a token.
struct SlotDescription {
  CK_SLOT_ID id = 0;
  std::string description;
  std::optional<TokenDescription> token;
  std::optional<Error> problem;  // why it does not tell of itself
};

// All slots: a broken one has a problem, and hides no other.
std::vector<SlotDescription> DescribeSlots(const Module& module);

// The names of CK_TOKEN_INFO's flags as in the standard, without CKF_, in order of value;
// those that it does not name as one number ("0x80000000").
std::vector<std::string> TokenFlagNames(CK_FLAGS flags);

// The slot whose token matches `uri` (RFC 7512, path attributes). Slots renumber, so
// a token is always named, never numbered. Throws Error(kUnavailable): none matches, or
// several do; the message lists what is there.
CK_SLOT_ID FindToken(const Module& module, const std::string& uri);

}  // namespace mortise::hsm
