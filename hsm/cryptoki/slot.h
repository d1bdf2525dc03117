// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "hsm/cryptoki/module.h"

namespace mortise::hsm {

// What a token says of itself (CK_TOKEN_INFO).
struct TokenDescription {
  std::string label, manufacturer, model, serial, firmware;
  CK_FLAGS flags = 0;
  CK_ULONG max_sessions = 0;  // 0: no limit is known
};

TokenDescription DescribeToken(const Module& module, CK_SLOT_ID slot);

// The slot whose token matches `uri` (RFC 7512, path attributes). Slots renumber, so
// a token is always named, never numbered. Throws Error(kUnavailable): none matches, or
// several do; the message lists what is there.
CK_SLOT_ID FindToken(const Module& module, const std::string& uri);

}  // namespace mortise::hsm
