// SPDX-License-Identifier: Apache-2.0
#include "cli/token_inventory.h"

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/token_process.h"
#include "hsm/cryptoki/slot.h"
#include "hsm/discovery.h"
#include "hsm/opened_token.h"

namespace mortise::cli {
namespace {

using Json = nlohmann::ordered_json;

Json JsonOf(const hsm::InventoryEntry& entry) {
  return {{"label", ToHex(AsBytes(entry.label))},
          {"ckaId", ToHex(AsBytes(entry.cka_id))},
          {"kind", entry.kind},
          {"reported", entry.reported},
          {"values", entry.values},
          {"bits", entry.bits},
          {"publicKeyDigest", ToHex(AsBytes(entry.public_key_digest))}};
}

hsm::InventoryEntry EntryOf(const Json& json) {
  const auto bytes_at = [&json](const char* name) {
    const Bytes bytes = FromHex(json.at(name).get<std::string>()).value_or(Bytes());
    return std::string(AsText(bytes));
  };
  return {.label = bytes_at("label"),
          .cka_id = bytes_at("ckaId"),
          .kind = json.at("kind"),
          .reported = json.at("reported"),
          .values = json.at("values"),
          .bits = json.at("bits"),
          .public_key_digest = bytes_at("publicKeyDigest")};
}

std::set<hsm::NameDigest> WantedObjects(const config::Config& config) {
  std::set<hsm::NameDigest> wanted;
  for (const config::Keyring& keyring : config.keyrings) wanted.merge(hsm::WantedObjects(keyring));
  return wanted;
}

Json Read(const config::Token& token, const std::string& state_dir,
          const std::set<hsm::NameDigest>& wanted) {
  const hsm::OpenedToken opened(token, hsm::Credentials::ToServe(token), state_dir);
  Json entries = Json::array();
  for (const hsm::InventoryEntry& entry :
       hsm::EntriesOf(*hsm::KeyTable::Scan(opened.session(), nullptr, wanted)))
    entries.push_back(JsonOf(entry));
  const std::string serial = hsm::DescribeToken(opened.module(), opened.slot()).serial;
  return {{"serial", serial}, {"entries", entries}};
}

void SayUnread(const std::string& token, const Error& error) {
  const std::string prefix = "token " + token + ": ";
  const std::string text = error.what();
  std::cerr << "mortise: " << (text.starts_with(prefix) ? "" : prefix) << text << '\n';
}

}  // namespace

std::vector<ReadToken> ReadTokens(const config::Config& config) {
  const std::set<hsm::NameDigest> wanted = WantedObjects(config);
  std::vector<ReadToken> tokens;
  for (const config::Token& token : config.tokens) {
    ReadToken& read = tokens.emplace_back(ReadToken{.name = token.name});
    try {
      const Json shown = RunForToken(token, token.start_timeout,
                                     [&] { return Read(token, config.state_dir, wanted); });
      read.serial = shown.at("serial");
      for (const Json& entry : shown.at("entries")) read.entries.push_back(EntryOf(entry));
    } catch (const Error& error) {
      SayUnread(token.name, error);
      read.problem = error;
    }
  }
  return tokens;
}

Inventory InventoryFor(const config::Keyring& keyring, const std::vector<ReadToken>& tokens) {
  Inventory inventory;
  for (const ReadToken& token : tokens) {
    const bool is_its_own = keyring.tokens.empty() ||
                            std::ranges::find(keyring.tokens, token.name) != keyring.tokens.end();
    if (is_its_own && !token.problem) inventory.emplace(token.name, token.entries);
  }
  return inventory;
}

}  // namespace mortise::cli
