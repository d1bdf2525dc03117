// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/command.h"
#include "cli/key_listing.h"
#include "cli/output.h"
#include "config/loader.h"
#include "hsm/state_dir.h"

namespace mortise::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kSchemaVersion = 1;

struct Options {
  std::string config;
  std::string output = "table";
};

// The columns, in order: the header of the table and the CSV, and the name in JSON.
struct Column {
  const char* header;
  const char* name;
};
constexpr Column kColumns[] = {{"KEYRING", "keyring"},
                               {"KEY ID", "keyId"},
                               {"ROLE", "role"},
                               {"LABEL", "label"},
                               {"ALGORITHM", "algorithm"},
                               {"BITS", "bits"},
                               {"CREATED", "created"},
                               {"ACTIVE FROM", "activation"},
                               {"CRYPTOPERIOD END", "cryptoperiodEnd"},
                               {"USAGE", "usage"},
                               {"STATE", "state"},
                               {"TOKEN", "token"},
                               {"SERIAL", "serial"},
                               {"LOCATION", "location"}};

std::string UsageOf(hsm::KeyRole role, const std::string& scheme) {
  return role == hsm::KeyRole::kWrap ? "wraps the DEK seeds of kube-apiserver by " + scheme
                                     : "authenticates what the wrap key wraps by " + scheme;
}

// A row for each object of the key on each token.
void AddRows(Json& rows, const config::Config& config, const config::Keyring& keyring,
             const ListedKey& key, const std::vector<ReadToken>& tokens) {
  for (const auto& [name, held] : key.tokens) {
    const auto token = std::ranges::find(config.tokens, name, &config::Token::name);
    const auto read = std::ranges::find(tokens, name, &ReadToken::name);
    for (const ListedObject& object : held.objects) {
      rows.push_back({{"keyring", keyring.name},
                      {"keyId", key.key_id},
                      {"role", hsm::Name(object.role)},
                      {"label", object.entry.label},
                      {"algorithm", AlgorithmOf(object.entry.kind)},
                      {"bits", object.entry.bits},
                      {"created", key.created ? FormatTime(*key.created) : "not known here"},
                      {"activation", FormatTime(key.activation)},
                      {"cryptoperiodEnd",
                       FormatTime(key.activation +
                                  std::chrono::floor<std::chrono::seconds>(keyring.cryptoperiod))},
                      {"usage", UsageOf(object.role, key.scheme)},
                      {"state", hsm::Name(key.state)},
                      {"token", name},
                      {"serial", read->serial},
                      {"location", token->location}});
    }
  }
}

std::string TextOf(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// RFC 4180.
std::string Quoted(const std::string& field) {
  if (field.find_first_of(",\"\r\n") == std::string::npos) return field;
  std::string quoted = "\"";
  for (const char character : field) quoted += std::string(character == '"' ? 2 : 1, character);
  return quoted + "\"";
}

void PrintCsv(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    std::string line;
    for (const std::string& field : row) line += (line.empty() ? "" : ",") + Quoted(field);
    std::cout << line << "\r\n";
  }
}

void Print(const Json& keys, const Json& unread, const std::string& output) {
  if (output == "json") {
    return PrintJson({{"schemaVersion", kSchemaVersion}, {"keys", keys}, {"unreadTokens", unread}});
  }
  std::vector<Row> rows(1);
  for (const Column& column : kColumns) rows[0].emplace_back(column.header);
  for (const Json& key : keys) {
    Row& row = rows.emplace_back();
    for (const Column& column : kColumns) row.push_back(TextOf(key.at(column.name)));
  }
  output == "csv" ? PrintCsv(rows) : PrintTable(rows);
}

ExitCode List(const Options& options) {
  const config::Config config = config::Load(options.config);
  const hsm::StateDir state_dir(config.state_dir);
  const std::vector<ReadToken> tokens = ReadTokens(config);
  Json keys = Json::array();
  std::vector<std::string> remarks;
  for (const config::Keyring& keyring : config.keyrings) {
    for (const ListedKey& key :
         ListKeys(keyring, config.state_dir, InventoryFor(keyring, tokens), remarks))
      AddRows(keys, config, keyring, key, tokens);
  }
  Json unread = Json::array();
  ExitCode code = ExitCode::kOk;
  for (const ReadToken& token : tokens) {
    if (!token.problem) continue;
    unread.push_back(token.name);
    code = ExitCodeFor(token.problem->reason());
  }
  for (const std::string& remark : remarks) std::cerr << "mortise: " << remark << '\n';
  Print(keys, unread, options.output);
  return code;
}

}  // namespace

void AddKeyInventory(CLI::App& group, Command& chosen) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = AddCommand(
      group, "inventory", "List every key object for an inventory of keys (PCI DSS 12.3.3)",
      "mortise key inventory --config /etc/mortise/mortise.yaml -o csv > keys.csv");
  command->add_option("--config", options->config, "The configuration file")
      ->required()
      ->option_text("FILE");
  command->add_option("-o,--output", options->output, "table (default), json or csv")
      ->check(CLI::IsMember(std::vector<std::string>{"table", "json", "csv"}))
      ->option_text("FORMAT");
  command->callback([options, &chosen] { chosen = [options] { return List(*options); }; });
}

}  // namespace mortise::cli
