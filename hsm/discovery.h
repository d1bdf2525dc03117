// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <set>
#include <string>

#include "hsm/found_kek.h"
#include "hsm/worker/key_table.h"

namespace mortise::hsm {

// For commands: a service goes on with the last good keysFile, a command refuses a bad one.

// The KEKs of a keyring among a token's objects, by label or by its keysFile as the keyring
// says. Throws ConfigError for a keysFile that is wrong.
Discovered Discover(const std::vector<InventoryEntry>& entries, const config::Keyring& keyring,
                    const std::string& token);

// What a search must show besides labels of our form. Throws likewise.
std::set<NameDigest> WantedObjects(const config::Keyring& keyring);

// Every object that the table holds.
std::vector<InventoryEntry> EntriesOf(const KeyTable& table);

// What one search of a token shows, to a command that is logged in.
struct Searched {
  std::shared_ptr<const KeyTable> table;
  Discovered discovered;
};
Searched SearchToken(const Session& session, const config::Keyring& keyring,
                     const std::string& token);

// The KEK as an operation on this token is told of it, but for its canary: views into both.
KekView ViewOf(const FoundKek& kek, const config::Keyring& keyring);

// Its objects; of several of one name the most credible. Null handles where they have gone.
HeldKek HeldIn(const KeyTable& table, const FoundKek& kek);

}  // namespace mortise::hsm
