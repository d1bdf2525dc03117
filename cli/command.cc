// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"

#include <CLI/CLI.hpp>
#include <sstream>

namespace mortise::cli {

CLI::App* AddCommand(CLI::App& parent, const std::string& name, const std::string& description,
                     const std::string& example) {
  std::string footer = "Example:";
  std::istringstream lines(example);
  for (std::string line; std::getline(lines, line);) footer += "\n  " + line;
  CLI::App* command = parent.add_subcommand(name, description);
  command->footer(footer);
  return command;
}

CLI::App* AddGroup(CLI::App& parent, const std::string& name, const std::string& description) {
  // Not 1: CLI11 would answer an unknown word by "A subcommand is required". That none
  // was given is seen by main, since nothing is then chosen.
  CLI::App* group = parent.add_subcommand(name, description);
  group->require_subcommand(0, 1);
  return group;
}

}  // namespace mortise::cli
