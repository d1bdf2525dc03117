// SPDX-License-Identifier: Apache-2.0
// What `mortise key list` and `key inventory` say, from what tokens hold and the state folder
// remembers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/token_inventory.h"
#include "config/config.h"
#include "hsm/key_policy.h"
#include "hsm/keyring.h"

namespace mortise::cli {

// One object of a KEK as a token shows it.
struct ListedObject {
  hsm::KeyRole role = hsm::KeyRole::kWrap;
  hsm::InventoryEntry entry;
  hsm::PolicyReport report;
};

// A KEK on one token.
struct HeldBy {
  std::string wrap_problem;  // empty: it may wrap there
  std::vector<ListedObject> objects;
};

struct ListedKey {
  std::string key_id;
  std::uint32_t generation = 0;
  std::string scheme;
  std::string label;
  hsm::GenerationState state = hsm::GenerationState::kPending;
  std::string why;  // it is refused, or may only decrypt; empty: nothing to say
  WallTime activation{};
  // When it was made; nothing: not by this node.
  std::optional<WallTime> created;
  std::map<std::string, HeldBy> tokens;  // by name
};

// By generation. The state is this node's, which has switched to a generation once it has
// served it. `remarks` gets a sentence for each object that looks like a key and is none, and
// for each key that is listed and not there.
std::vector<ListedKey> ListKeys(const config::Keyring& keyring, const std::string& state_dir,
                                const Inventory& inventory, std::vector<std::string>& remarks);

std::string_view AlgorithmOf(hsm::ObjectKind kind);  // "AES", "HMAC-SHA256", "RSA", "EC"

}  // namespace mortise::cli
