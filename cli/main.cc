// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <iostream>
#include <sstream>

#include "base/hardening.h"
#include "base/version.h"
#include "cli/command.h"

namespace mortise::cli {
namespace {

// A configuration's problems come as one text, a line each.
void PrintProblem(const std::string& what) {
  std::istringstream lines(what);
  for (std::string line; std::getline(lines, line);) std::cerr << "mortise: " << line << '\n';
}

// The command as far as it was given: `mortise config` lacks a word of config's.
const CLI::App& Deepest(const CLI::App& app) {
  const std::vector<CLI::App*> given = app.get_subcommands();
  return given.empty() ? app : Deepest(*given.front());
}

// CLI11 tells of a missing option before it tells of one that it does not know, which may
// be that very option misspelt. Empty: all are known.
std::string UnknownOption(const CLI::App& app, int argc, char** argv) {
  const CLI::App& command = Deepest(app);
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const std::string name = word.substr(0, word.find('='));
    if (name.size() > 2 && name.starts_with("--") && command.get_option_no_throw(name) == nullptr)
      return name;
  }
  return {};
}

ExitCode Run(int argc, char** argv) {
  CLI::App app("KMS v2 plugin for Kubernetes: its keys never leave a PKCS#11 token", "mortise");
  app.require_subcommand(0, 1);
  app.set_version_flag("--version", std::string(Version()));
  Command chosen;
  AddBench(app, chosen);
  AddConfig(app, chosen);
  AddDev(app, chosen);
  AddDoctor(app, chosen);
  AddKey(app, chosen);
  AddProbe(app, chosen);
  AddServe(app, chosen);
  AddStatus(app, chosen);
  AddToken(app, chosen);
  AddVersion(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::RequiredError& error) {
    const std::string unknown = UnknownOption(app, argc, argv);
    if (unknown.empty())
      app.exit(error);
    else
      app.exit(CLI::ExtrasError({unknown}));
    return ExitCode::kUsage;
  } catch (const CLI::ParseError& error) {
    // Prints the help that was asked for, or what is wrong and how to get help.
    return app.exit(error) == 0 ? ExitCode::kOk : ExitCode::kUsage;
  }
  if (!chosen) {
    std::cerr << Deepest(app).help();
    return ExitCode::kUsage;
  }
  const ExitCode code = chosen();
  if (std::cout.flush()) return code;
  PrintProblem("cannot write to standard output");
  return ExitCode::kFailed;
}

}  // namespace
}  // namespace mortise::cli

int main(int argc, char** argv) {
  using namespace mortise::cli;
  ExitCode code = ExitCode::kFailed;
  try {
    mortise::BindSymbolsAtStart(argv);
    mortise::HardenProcess();
    code = Run(argc, argv);
  } catch (const mortise::Error& error) {
    PrintProblem(error.what());
    code = ExitCodeFor(error.reason());
  } catch (const std::exception& error) {
    PrintProblem(std::string("unexpected: ") + error.what());
  }
  return static_cast<int>(code);
}
