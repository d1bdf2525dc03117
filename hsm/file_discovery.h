// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/keys_file.h"
#include "hsm/found_kek.h"
#include "hsm/worker/message.h"

namespace mortise::hsm {

// `discovery: file`: the KEKs that the keysFile lists, whatever their labels look like. Where
// several objects match an entry, each of them makes a KEK: JudgeListed goes on with the one
// that this node has used, and with none where that does not tell.
Discovered DiscoverListed(const std::vector<InventoryEntry>& entries,
                          const config::KeysFile& listed, const config::Keyring& keyring,
                          const std::string& token);

// What a search is to show so that all that is listed can be found.
std::set<NameDigest> NamesOf(const config::KeysFile& listed);

}  // namespace mortise::hsm
