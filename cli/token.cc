// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace mortise::cli {

void AddToken(CLI::App& app, Command& chosen) {
  CLI::App* group = AddGroup(app, "token", "Make a token, or allow its PIN to be tried again");
  AddTokenInit(*group, chosen);
  AddTokenUnlatch(*group, chosen);
}

}  // namespace mortise::cli
