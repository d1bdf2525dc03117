// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace mortise::cli {

void AddToken(CLI::App& app, Command& chosen) {
  CLI::App* group = AddGroup(app, "token", "List tokens, make one, set or try its PIN");
  AddTokenInit(*group, chosen);
  AddTokenList(*group, chosen);
  AddTokenPin(*group, chosen);
  AddTokenUnlatch(*group, chosen);
}

}  // namespace mortise::cli
