// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/token_process.h"
#include "cli/token_report.h"
#include "cli/token_target.h"
#include "config/loader.h"
#include "hsm/provision/token_listing.h"

namespace mortise::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kSchemaVersion = 1;

struct Options {
  std::string module, config, init_args;
  OutputFormat output = OutputFormat::kTable;
};

// One load of a PKCS#11 library, and the configured tokens that it serves.
struct LibraryUse {
  config::Token first;
  std::vector<config::Token> tokens;  // none with --module
};

bool IsSameUse(const config::Token& a, const config::Token& b) {
  return a.module == b.module && a.init_args == b.init_args && a.environment == b.environment;
}

std::vector<LibraryUse> UsesOf(const config::Config& config) {
  std::vector<LibraryUse> uses;
  for (const config::Token& token : config.tokens) {
    const auto known = std::ranges::find_if(
        uses, [&](const LibraryUse& use) { return IsSameUse(use.first, token); });
    if (known == uses.end())
      uses.push_back({token, {token}});
    else
      known->tokens.push_back(token);
  }
  return uses;
}

// Which slot a worker would take for this token, and why none.
Json MatchOf(const hsm::Module& module, const config::Token& token) {
  try {
    return {{"token", token.name}, {"slot", hsm::FindToken(module, token.uri)}, {"problem", ""}};
  } catch (const Error& error) {
    return {{"token", token.name}, {"slot", nullptr}, {"problem", error.what()}};
  }
}

Json ReadLibrary(const LibraryUse& use) {
  const hsm::TokenListing listing = hsm::ListTokens(use.first.module, use.first.init_args);
  Json slots = Json::array();
  for (const hsm::SlotDescription& slot : listing.slots) slots.push_back(ReportSlot(slot));
  Json matches = Json::array();
  if (!use.tokens.empty()) {
    const hsm::Module module(use.first.module, use.first.init_args);
    for (const config::Token& token : use.tokens) matches.push_back(MatchOf(module, token));
  }
  return {{"library", listing.library},
          {"withoutLibp11", listing.without_libp11},
          {"slots", std::move(slots)},
          {"configuredTokens", std::move(matches)}};
}

// What the library could not tell becomes its `problem`, so that others are listed.
Json ReportLibrary(const LibraryUse& use, std::optional<Reason>& worst) {
  Json report = {{"module", use.first.module}, {"problem", ""}};
  try {
    report.update(
        RunForToken(use.first, use.first.start_timeout, [&] { return ReadLibrary(use); }));
  } catch (const Error& error) {
    worst = error.reason();
    report["problem"] = error.what();
    report.update({{"library", ""}, {"slots", Json::array()}});
    Json& matches = report["configuredTokens"] = Json::array();
    for (const config::Token& token : use.tokens) {
      matches.push_back({{"token", token.name}, {"slot", nullptr}, {"problem", error.what()}});
    }
    return report;
  }
  for (const Json& part : {report["slots"], report["configuredTokens"]}) {
    for (const Json& item : part) {
      if (item["problem"] != "" && !worst) worst = Reason::kUnavailable;
    }
  }
  return report;
}

// To standard error, for whoever reads the table and whoever pipes the JSON.
void TellProblems(const Json& report) {
  const std::string module = report["module"];
  const std::string problem = report["problem"];
  if (!problem.empty()) {
    std::cerr << fmt::format("mortise: {}\n", problem.find(module) == std::string::npos
                                                  ? module + ": " + problem
                                                  : problem);
    return;
  }
  for (const Json& slot : report["slots"]) {
    if (slot["problem"] == "") continue;
    std::cerr << fmt::format("mortise: {}: slot {}: {}; ask its vendor's tool\n", module,
                             slot["slot"].get<std::uint64_t>(), slot["problem"].get<std::string>());
  }
  for (const Json& match : report["configuredTokens"]) {
    if (match["problem"] == "") continue;
    std::cerr << fmt::format("mortise: token {}: {}\n", match["token"].get<std::string>(),
                             match["problem"].get<std::string>());
  }
}

ExitCode List(const Options& options) {
  if (options.module.empty() == options.config.empty() ||
      (options.module.empty() && !options.init_args.empty())) {
    throw Error(Reason::kConfig,
                "say what to list: --module PATH [--init-args S], or --config FILE");
  }
  const std::vector<LibraryUse> uses =
      options.config.empty()
          ? std::vector<LibraryUse>{{UnconfiguredToken(options.module, options.init_args), {}}}
          : UsesOf(config::Load(options.config));
  Json modules = Json::array();
  std::optional<Reason> worst;
  for (const LibraryUse& use : uses) {
    modules.push_back(ReportLibrary(use, worst));
    TellProblems(modules.back());
  }
  if (options.output == OutputFormat::kJson) {
    PrintJson({{"schemaVersion", kSchemaVersion}, {"modules", modules}});
  } else {
    PrintListing(modules);
  }
  return worst ? ExitCodeFor(*worst) : ExitCode::kOk;
}

}  // namespace

void AddTokenList(CLI::App& group, Command& chosen) {
  const auto options = std::make_shared<Options>();
  CLI::App* command =
      AddCommand(group, "list", "List the tokens of PKCS#11 libraries; nobody is logged in",
                 "mortise token list --module /usr/lib/softhsm/libsofthsm2.so\n"
                 "mortise token list --config /etc/mortise/mortise.yaml -o json");
  command->add_option("--module", options->module, "One PKCS#11 library")->option_text("PATH");
  command->add_option("--init-args", options->init_args,
                      "With --module: what that library wants of C_Initialize");
  command->add_option("--config", options->config, "All libraries of this configuration")
      ->option_text("FILE");
  AddOutputOption(*command, options->output);
  command->callback([options, &chosen] { chosen = [options] { return List(*options); }; });
}

}  // namespace mortise::cli
