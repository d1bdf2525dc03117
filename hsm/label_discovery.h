// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "hsm/found_kek.h"
#include "hsm/worker/message.h"

namespace mortise::hsm {

// `discovery: token`: the KEKs that a token's objects name by their labels. A scheme of two
// keys makes one of each pair of a wrap key and an authenticator of its label; each pair has
// a key_id of its own, so one that was planted is a newcomer, never a part of another KEK.
Discovered DiscoverByLabel(const std::vector<InventoryEntry>& entries,
                           const config::Keyring& keyring, const std::string& token);

}  // namespace mortise::hsm
