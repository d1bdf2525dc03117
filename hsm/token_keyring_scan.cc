// SPDX-License-Identifier: Apache-2.0
// What a search of a token tells a keyring, and what it is to look for.
#include <algorithm>

#include "hsm/file_discovery.h"
#include "hsm/label_discovery.h"
#include "hsm/token_keyring.h"

namespace mortise::hsm {

void TokenKeyring::OnScan(std::size_t token, const std::vector<InventoryEntry>& entries) {
  const std::optional<Discovered> found = Discover(token, entries);
  if (!found) return;
  std::vector<Event> events;
  {
    const std::lock_guard lock(mutex_);
    events = generations_.OnInventory(token, *found, Clock::now());
    searches_[token].done = searches_[token].begun;
  }
  Say(events);
  Publish();
  RetryParked();
}

std::optional<Discovered> TokenKeyring::Discover(std::size_t token,
                                                 const std::vector<InventoryEntry>& entries) {
  const std::string& name = group_.token(token).name();
  if (settings_.discovery == config::Discovery::kToken)
    return DiscoverByLabel(entries, settings_, name);
  std::shared_ptr<const config::KeysFile> listed;
  {
    const std::lock_guard lock(mutex_);
    listed = searches_[token].listed;
  }
  if (!listed) return std::nullopt;
  Discovered found = DiscoverListed(entries, *listed, settings_, name);
  ClaimKeys(name, found);
  return found;
}

// Two keysFiles may list one object by mistake; what it wrapped for either of them still opens.
void TokenKeyring::ClaimKeys(const std::string& token, Discovered& found) {
  std::set<std::string> ids;
  for (const FoundKek& kek : found.keks) ids.insert({kek.wrap.cka_id, kek.authenticator.cka_id});
  ids.erase("");
  const std::map<std::string, std::string> of_others = claims_.Claim(token, settings_.name, ids);
  for (FoundKek& kek : found.keks) {
    for (const std::string& id : {kek.wrap.cka_id, kek.authenticator.cka_id}) {
      const auto other = of_others.find(id);
      if (other == of_others.end()) continue;
      kek.candidate.keeps_policy = false;
      kek.wrap_problem = "the key with CKA_ID " + ToHex(AsBytes(id)) + " on token " + token +
                         " is also listed for keyring " + other->second +
                         ": a key belongs to one keyring; take it out of one keysFile";
      found.remarks.push_back(
          {.severity = Severity::kError,
           .name = "key_of_two_keyrings",
           .message = kek.wrap_problem,
           .fields = {
               {"keyring", settings_.name}, {"key_id", kek.candidate.key_id}, {"token", token}}});
    }
  }
}

std::set<NameDigest> TokenKeyring::WantedObjects(std::size_t token) {
  if (settings_.discovery == config::Discovery::kToken) return {};
  Say(listed_.Refresh());
  const std::lock_guard lock(mutex_);
  searches_[token].listed = listed_.keys();
  return searches_[token].listed ? NamesOf(*searches_[token].listed) : std::set<NameDigest>();
}

}  // namespace mortise::hsm
