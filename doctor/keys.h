// SPDX-License-Identifier: Apache-2.0
// Category key: which KEKs a token holds for a keyring, and what this node thinks of them.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/config.h"
#include "doctor/check.h"
#include "hsm/canary.h"
#include "hsm/found_kek.h"
#include "hsm/worker/key_table.h"

namespace mortise::doctor {

// A KEK that this node may use, and what proves it.
struct KnownKek {
  hsm::FoundKek found;
  std::optional<hsm::Canary> canary;
  bool is_active = false;  // or would be the first to be
};

// What a search must show beside keys with labels of ours: the objects in keysFiles.
std::set<hsm::NameDigest> ListedObjects(const std::vector<config::Keyring>& keyrings);

// Finds the keys, says what is wrong with them, and gives those that are the keyring's.
std::vector<KnownKek> CheckKeys(const hsm::KeyTable& table, const config::Token& token,
                                const config::Keyring& keyring, const std::string& state_dir,
                                CheckList& list);

// The same from what a search found.
std::vector<KnownKek> JudgeKeys(const std::vector<hsm::InventoryEntry>& entries,
                                const config::Token& token, const config::Keyring& keyring,
                                const std::string& state_dir, CheckList& list);

}  // namespace mortise::doctor
