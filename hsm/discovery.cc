// SPDX-License-Identifier: Apache-2.0
#include "hsm/discovery.h"

#include <algorithm>
#include <iterator>

#include "config/keys_file.h"
#include "hsm/file_discovery.h"
#include "hsm/label_discovery.h"

namespace mortise::hsm {

Discovered Discover(const std::vector<InventoryEntry>& entries, const config::Keyring& keyring,
                    const std::string& token) {
  if (keyring.discovery == config::Discovery::kToken)
    return DiscoverByLabel(entries, keyring, token);
  return DiscoverListed(entries, config::LoadKeysFile(keyring.keys_file), keyring, token);
}

std::set<NameDigest> WantedObjects(const config::Keyring& keyring) {
  if (keyring.discovery == config::Discovery::kToken) return {};
  return NamesOf(config::LoadKeysFile(keyring.keys_file));
}

std::vector<InventoryEntry> EntriesOf(const KeyTable& table) {
  std::vector<InventoryEntry> entries;
  for (std::uint16_t number = 0, pages = 1; number < pages; ++number) {
    InventoryPage page = table.Page(number);
    pages = page.pages;
    std::ranges::move(page.entries, std::back_inserter(entries));
  }
  return entries;
}

Searched SearchToken(const Session& session, const config::Keyring& keyring,
                     const std::string& token) {
  Searched searched{.table = KeyTable::Scan(session, nullptr, WantedObjects(keyring)),
                    .discovered = {}};
  searched.discovered = Discover(EntriesOf(*searched.table), keyring, token);
  return searched;
}

}  // namespace mortise::hsm
