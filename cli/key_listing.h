// SPDX-License-Identifier: Apache-2.0
// What `mortise key list` says, from what tokens hold and the state folder remembers.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "config/config.h"
#include "hsm/key_policy.h"
#include "hsm/keyring.h"

namespace mortise::cli {

struct ListedKey {
  std::string key_id;
  std::uint32_t generation = 0;
  std::string scheme;
  std::string label;
  hsm::GenerationState state = hsm::GenerationState::kPending;
  std::string why;  // it is refused, or may only decrypt; empty: nothing to say
  WallTime activation{};
  std::map<std::string, hsm::PolicyReport> tokens;  // that hold it, by name
};

// By generation. `inventory` is by token; the state is this node's, which has switched to
// a generation once it has served it.
std::vector<ListedKey> ListKeys(
    const config::Keyring& keyring, const std::string& state_dir,
    const std::map<std::string, std::vector<hsm::InventoryEntry>>& inventory);

}  // namespace mortise::cli
