// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/command.h"
#include "cli/key_listing.h"
#include "cli/output.h"
#include "cli/token_process.h"
#include "config/loader.h"
#include "hsm/opened_token.h"
#include "hsm/state_dir.h"
#include "hsm/worker/key_table.h"

namespace mortise::cli {
namespace {

using Json = nlohmann::ordered_json;
using Inventory = std::map<std::string, std::vector<hsm::InventoryEntry>>;

constexpr int kSchemaVersion = 1;

struct Options {
  std::string config;
  OutputFormat output = OutputFormat::kTable;
};

// Logs in with the service's own credentials, through its PIN latch: what is listed is
// what the token shows now, whether the service runs or not.
Json ReadToken(const config::Token& token, const std::string& state_dir) {
  const hsm::OpenedToken opened(token, hsm::Credentials::ToServe(token), state_dir);
  const auto table = hsm::KeyTable::Scan(opened.session(), nullptr);
  Json keys = Json::array();
  for (std::uint16_t number = 0, pages = 1; number < pages; ++number) {
    const hsm::InventoryPage page = table->Page(number);
    pages = page.pages;
    for (const hsm::InventoryEntry& entry : page.entries) {
      keys.push_back({{"label", entry.label},
                      {"ckaId", ToHex(AsBytes(entry.cka_id))},
                      {"kind", entry.kind},
                      {"reported", entry.reported},
                      {"values", entry.values},
                      {"bits", entry.bits},
                      {"publicKeyDigest", ToHex(AsBytes(entry.public_key_digest))}});
    }
  }
  return keys;
}

std::vector<hsm::InventoryEntry> EntriesOf(const Json& keys) {
  std::vector<hsm::InventoryEntry> entries;
  for (const Json& key : keys) {
    const auto bytes_at = [&key](const char* name) {
      const Bytes bytes = FromHex(key.at(name).get<std::string>()).value_or(Bytes());
      return std::string(AsText(bytes));
    };
    entries.push_back({.label = key.at("label"),
                       .cka_id = bytes_at("ckaId"),
                       .kind = key.at("kind"),
                       .reported = key.at("reported"),
                       .values = key.at("values"),
                       .bits = key.at("bits"),
                       .public_key_digest = bytes_at("publicKeyDigest")});
  }
  return entries;
}

Inventory ForKeyring(const config::Keyring& keyring, const Inventory& inventory) {
  if (keyring.tokens.empty()) return inventory;
  Inventory own;
  for (const auto& [token, entries] : inventory) {
    if (std::ranges::find(keyring.tokens, token) != keyring.tokens.end())
      own.emplace(token, entries);
  }
  return own;
}

Json JsonOf(const ListedKey& key) {
  Json tokens = Json::array();
  for (const auto& [token, report] : key.tokens) {
    Json attributes = Json::object();
    for (const hsm::AttributeFinding& found : report.findings) {
      attributes[std::string(found.attribute)] = hsm::Name(found.finding);
    }
    tokens.push_back({{"token", token},
                      {"mayWrap", report.wrap_problem.empty()},
                      {"problem", report.wrap_problem},
                      {"attributes", attributes}});
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

Row RowOf(const std::string& keyring, const ListedKey& key) {
  std::string tokens, problem = key.why;
  for (const auto& [token, report] : key.tokens) {
    tokens += (tokens.empty() ? "" : ",") + token;
    if (!report.wrap_problem.empty()) {
      problem += (problem.empty() ? "" : "; ") + token + ": may not wrap: " + report.wrap_problem;
    }
  }
  return {keyring,
          std::to_string(key.generation),
          std::string(hsm::Name(key.state)),
          key.key_id,
          FormatTime(key.activation),
          tokens,
          problem.empty() ? "good" : problem};
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
  Inventory inventory;
  Json unread = Json::array();
  std::optional<Error> problem;
  for (const config::Token& token : config.tokens) {
    try {
      inventory[token.name] = EntriesOf(RunForToken(
          token, token.start_timeout, [&] { return ReadToken(token, config.state_dir); }));
    } catch (const Error& error) {
      const std::string prefix = "token " + token.name + ": ";
      const std::string text = error.what();
      std::cerr << "mortise: " << (text.starts_with(prefix) ? "" : prefix) << text << '\n';
      unread.push_back(
          {{"token", token.name}, {"reason", Name(error.reason())}, {"problem", error.what()}});
      problem = error;
    }
  }

  Json keyrings = Json::array();
  std::vector<Row> rows = {
      {"KEYRING", "GENERATION", "STATE", "KEY ID", "ACTIVE FROM", "TOKENS", "POLICY"}};
  for (const config::Keyring& keyring : config.keyrings) {
    Json keys = Json::array();
    for (const ListedKey& key :
         ListKeys(keyring, config.state_dir, ForKeyring(keyring, inventory))) {
      keys.push_back(JsonOf(key));
      rows.push_back(RowOf(keyring.name, key));
    }
    keyrings.push_back({{"name", keyring.name}, {"keys", keys}});
  }
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
