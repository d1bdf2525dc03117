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

KekView ViewOf(const FoundKek& kek, const config::Keyring& keyring) {
  return {.label = kek.wrap.label,
          .cka_id = kek.wrap.cka_id,
          .authenticator_label = kek.authenticator.label,
          .authenticator_id = kek.authenticator.cka_id,
          .keyring = keyring.name,
          .context = keyring.context,
          .key_id = kek.candidate.key_id,
          .canary = {},
          .scheme = kek.candidate.label.scheme,
          .forbids_caller_iv = keyring.policy.mode == config::PolicyMode::kFips};
}

HeldKek HeldIn(const KeyTable& table, const FoundKek& kek) {
  HeldKek held{.wrap = table.Find(kek.wrap.label, kek.wrap.cka_id), .authenticator = nullptr};
  if (!kek.authenticator.cka_id.empty())
    held.authenticator = table.Find(kek.authenticator.label, kek.authenticator.cka_id);
  return held;
}

}  // namespace mortise::hsm
