// SPDX-License-Identifier: Apache-2.0
// How a subcommand joins `mortise`: a file of its own with one Add function, which
// main.cc calls. It declares flags, help and an example, and in CLI11's callback sets
// `chosen` to its work. That runs after the whole command line has parsed, and may
// throw Error, whose Reason becomes the exit code.
#pragma once

#include <functional>
#include <string>

#include "cli/exit_code.h"

namespace CLI {
class App;
}

namespace mortise::cli {

using Command = std::function<ExitCode()>;

// One line each, in alphabetical order; the same in main.cc.
void AddBench(CLI::App& app, Command& chosen);
void AddConfig(CLI::App& app, Command& chosen);
void AddDev(CLI::App& app, Command& chosen);
void AddDoctor(CLI::App& app, Command& chosen);
void AddKey(CLI::App& app, Command& chosen);
void AddProbe(CLI::App& app, Command& chosen);
void AddServe(CLI::App& app, Command& chosen);
void AddStatus(CLI::App& app, Command& chosen);
void AddToken(CLI::App& app, Command& chosen);
void AddVersion(CLI::App& app, Command& chosen);

// Those of the groups `key` and `token`.
void AddKeyAttest(CLI::App& group, Command& chosen);
void AddKeyCreate(CLI::App& group, Command& chosen);
void AddKeyInventory(CLI::App& group, Command& chosen);
void AddKeyList(CLI::App& group, Command& chosen);
void AddTokenInit(CLI::App& group, Command& chosen);
void AddTokenList(CLI::App& group, Command& chosen);
void AddTokenPin(CLI::App& group, Command& chosen);
void AddTokenUnlatch(CLI::App& group, Command& chosen);

// Those of the group `token pin`.
void AddTokenPinChange(CLI::App& group, Command& chosen);
void AddTokenPinSet(CLI::App& group, Command& chosen);

// A subcommand whose --help ends with `example`: whole command lines, one a line.
CLI::App* AddCommand(CLI::App& parent, const std::string& name, const std::string& description,
                     const std::string& example);

// A subcommand that has subcommands only, such as `config`.
CLI::App* AddGroup(CLI::App& parent, const std::string& name, const std::string& description);

}  // namespace mortise::cli
