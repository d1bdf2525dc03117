// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "hsm/cryptoki/slot.h"

namespace mortise::hsm {

struct TokenListing {
  std::string library;  // "SoftHSM 2.6"
  std::vector<SlotDescription> slots;
  std::string without_libp11;  // why libp11 listed nothing, and Cryptoki alone did; empty: it did
};

// All slots of a PKCS#11 library, and what their tokens say; nobody is logged in. libp11
// enumerates them; what it does not tell, or a broken slot hides from it, comes from
// Cryptoki after libp11 has unloaded the library. Loads it into this process: for
// short-lived commands only. Throws Error.
TokenListing ListTokens(const std::string& module, const std::string& init_args = "");

// Cryptoki alone for one token that is about to be changed; proves that a session can be
// opened, for without one libp11 waits for ever. Throws Error.
TokenDescription DescribeOpenable(const Module& module, CK_SLOT_ID slot);

}  // namespace mortise::hsm
