// SPDX-License-Identifier: Apache-2.0
#include "config/config.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "cli/command.h"
#include "cli/config_notes.h"
#include "config/keys_file.h"
#include "config/loader.h"

namespace mortise::cli {
namespace {

std::string Count(std::size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

// Load throws every problem at once; main prints them, one a line, and exits with 2. A keysFile
// that is not good yet keeps `serve` from nothing, since it is read anew all the time.
ExitCode Check(const std::string& path) {
  const config::Config config = config::Load(path);
  if (const std::vector<std::string> problems = config::ProblemsOfKeysFiles(config);
      !problems.empty())
    throw config::ConfigError(problems);
  for (const std::string& note : Notes(config, WallNow())) std::cout << "note: " << note << '\n';
  std::cout << path << ": good: " << Count(config.tokens.size(), "token") << ", "
            << Count(config.keyrings.size(), "keyring") << '\n';
  return ExitCode::kOk;
}

ExitCode Show(const std::string& path) {
  std::cout << config::Show(config::Load(path));
  return ExitCode::kOk;
}

void AddWork(CLI::App* command, ExitCode (*work)(const std::string&), Command& chosen) {
  const auto path = std::make_shared<std::string>();
  command->add_option("--config", *path, "The configuration file")->required()->option_text("FILE");
  command->callback([work, path, &chosen] { chosen = [work, path] { return work(*path); }; });
}

}  // namespace

void AddConfig(CLI::App& app, Command& chosen) {
  CLI::App* group = AddGroup(app, "config", "Check a configuration file or show what it comes to");
  AddWork(
      AddCommand(*group, "check", "Print every problem of a configuration; exit with 0 (good) or 2",
                 "mortise config check --config /etc/mortise/mortise.yaml"),
      Check, chosen);
  AddWork(AddCommand(*group, "show", "Print the configuration with all defaults filled in",
                     "mortise config show --config /etc/mortise/mortise.yaml"),
          Show, chosen);
}

}  // namespace mortise::cli
