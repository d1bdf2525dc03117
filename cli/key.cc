// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace mortise::cli {

void AddKey(CLI::App& app, Command& chosen) {
  CLI::App* group = AddGroup(app, "key", "Make and list the keys of a keyring");
  AddKeyCreate(*group, chosen);
  AddKeyList(*group, chosen);
}

}  // namespace mortise::cli
