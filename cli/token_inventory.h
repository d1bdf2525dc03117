// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/config.h"
#include "hsm/worker/message.h"

namespace mortise::cli {

// What one token shows now, or why it could not be read.
struct ReadToken {
  std::string name;
  std::string serial;
  std::vector<hsm::InventoryEntry> entries;
  std::optional<Error> problem;
};

// Each token of the configuration in a process of its own, with the service's own credentials,
// through its PIN latch: whether the service runs or not. Says on standard error what could
// not be read.
std::vector<ReadToken> ReadTokens(const config::Config& config);

using Inventory = std::map<std::string, std::vector<hsm::InventoryEntry>>;  // by token

// What the keyring's own tokens show.
Inventory InventoryFor(const config::Keyring& keyring, const std::vector<ReadToken>& tokens);

}  // namespace mortise::cli
