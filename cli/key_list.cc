// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>

#include "cli/command.h"
#include "cli/key_listing.h"
#include "cli/output.h"
#include "cli/token_inventory.h"
#include "config/loader.h"
#include "hsm/state_dir.h"

namespace mortise::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kSchemaVersion = 1;

struct Options {
  std::string config;
  OutputFormat output = OutputFormat::kTable;
};

Json JsonOf(const ListedObject& object) {
  Json attributes = Json::object();
  for (const hsm::AttributeFinding& found : object.report.findings)
    attributes[std::string(found.attribute)] = hsm::Name(found.finding);
  return {{"role", hsm::Name(object.role)},
          {"label", object.entry.label},
          {"algorithm", AlgorithmOf(object.entry.kind)},
          {"bits", object.entry.bits},
          {"attributes", attributes}};
}

Json JsonOf(const ListedKey& key) {
  Json tokens = Json::array();
  for (const auto& [token, held] : key.tokens) {
    Json objects = Json::array();
    for (const ListedObject& object : held.objects) objects.push_back(JsonOf(object));
    tokens.push_back({{"token", token},
                      {"mayWrap", held.wrap_problem.empty()},
                      {"problem", held.wrap_problem},
                      {"objects", objects}});
  }
  return {{"keyId", key.key_id},
          {"generation", key.generation},
          {"state", hsm::Name(key.state)},
          {"why", key.why},
          {"scheme", key.scheme},
          {"activation", FormatTime(key.activation)},
          {"label", key.label},
          {"tokens", tokens}};
}

// "hsm-a: CKA_LOCAL", for each token whose waivers the key needs.
std::string WaivedFor(const ListedKey& key) {
  std::string text;
  for (const auto& [token, held] : key.tokens) {
    std::set<std::string_view> waived;
    for (const ListedObject& object : held.objects) {
      for (const hsm::AttributeFinding& found : object.report.findings)
        if (found.finding == hsm::Finding::kWaived) waived.insert(found.attribute);
    }
    if (waived.empty()) continue;
    text += (text.empty() ? "" : "; ") + token + ": " + fmt::format("{}", fmt::join(waived, ", "));
  }
  return text;
}

Row RowOf(const std::string& keyring, const ListedKey& key) {
  std::string tokens, problem = key.why;
  for (const auto& [token, held] : key.tokens) {
    tokens += (tokens.empty() ? "" : ",") + token;
    if (!held.wrap_problem.empty()) {
      problem += (problem.empty() ? "" : "; ") + token + ": may not wrap: " + held.wrap_problem;
    }
  }
  return {keyring,
          std::to_string(key.generation),
          std::string(hsm::Name(key.state)),
          key.key_id,
          key.scheme,
          FormatTime(key.activation),
          tokens,
          problem.empty() ? "good" : problem,
          WaivedFor(key)};
}

void RequireReadable(const std::string& state_dir) {
  if (access(state_dir.c_str(), R_OK | X_OK) == 0 || errno != EACCES) return;
  throw Error(Reason::kPermission, "stateDir " + state_dir + ": " + ErrnoText(EACCES) +
                                       "; run this as the user that serves");
}

ExitCode List(const Options& options) {
  const config::Config config = config::Load(options.config);
  const hsm::StateDir state_dir(config.state_dir);
  RequireReadable(state_dir.path());
  const std::vector<ReadToken> tokens = ReadTokens(config);
  Json unread = Json::array();
  std::optional<Error> problem;
  for (const ReadToken& token : tokens) {
    if (!token.problem) continue;
    problem = token.problem;
    unread.push_back(
        {{"token", token.name}, {"reason", Name(problem->reason())}, {"problem", problem->what()}});
  }

  std::vector<std::string> remarks;
  Json keyrings = Json::array();
  std::vector<Row> rows = {{"KEYRING", "GENERATION", "STATE", "KEY ID", "SCHEME", "ACTIVE FROM",
                            "TOKENS", "POLICY", "WAIVED"}};
  for (const config::Keyring& keyring : config.keyrings) {
    Json keys = Json::array();
    for (const ListedKey& key :
         ListKeys(keyring, config.state_dir, InventoryFor(keyring, tokens), remarks)) {
      keys.push_back(JsonOf(key));
      rows.push_back(RowOf(keyring.name, key));
    }
    keyrings.push_back({{"name", keyring.name}, {"keys", keys}});
  }
  for (const std::string& remark : remarks) std::cerr << "mortise: " << remark << '\n';
  if (options.output == OutputFormat::kJson) {
    PrintJson(
        {{"schemaVersion", kSchemaVersion}, {"keyrings", keyrings}, {"unreadTokens", unread}});
  } else {
    PrintTable(rows);
  }
  return problem ? ExitCodeFor(problem->reason()) : ExitCode::kOk;
}

}  // namespace

void AddKeyList(CLI::App& group, Command& chosen) {
  const auto options = std::make_shared<Options>();
  CLI::App* command =
      AddCommand(group, "list", "List the keys of all keyrings, as the tokens show them now",
                 "mortise key list --config /etc/mortise/mortise.yaml");
  command->add_option("--config", options->config, "The configuration file")
      ->required()
      ->option_text("FILE");
  AddOutputOption(*command, options->output);
  command->callback([options, &chosen] { chosen = [options] { return List(*options); }; });
}

}  // namespace mortise::cli
