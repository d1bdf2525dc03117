// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace mortise::cli {

void AddKey(CLI::App& app, Command& chosen) {
  CLI::App* group = AddGroup(app, "key", "Make, list and attest the keys of a keyring");
  AddKeyAttest(*group, chosen);
  AddKeyCreate(*group, chosen);
  AddKeyInventory(*group, chosen);
  AddKeyList(*group, chosen);
}

}  // namespace mortise::cli
