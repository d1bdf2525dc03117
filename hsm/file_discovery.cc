// SPDX-License-Identifier: Apache-2.0
#include "hsm/file_discovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "hsm/key_policy.h"
#include "hsm/scheme/key_label.h"
#include "hsm/scheme/scheme_facts.h"

namespace mortise::hsm {
namespace {

// Of one entry. Who plants more objects than that could as well delete the key.
constexpr std::size_t kMaxMatches = 16;

std::string NameOf(const config::ListedObject& object) {
  std::string name = object.label.empty() ? "" : "label \"" + Printable(object.label) + "\"";
  if (!object.cka_id.empty())
    name += (name.empty() ? "id " : ", id ") + ToHex(AsBytes(object.cka_id));
  return name;
}

bool HasName(const InventoryEntry& entry, const config::ListedObject& listed) {
  return (listed.label.empty() || listed.label == entry.label) &&
         (listed.cka_id.empty() || listed.cka_id == entry.cka_id);
}

bool IsPrivate(ObjectKind kind) {
  return kind == ObjectKind::kRsaPrivate || kind == ObjectKind::kEcPrivate;
}

// An object that may play a role in a listed KEK.
struct Player {
  const InventoryEntry* entry;
  KeyObject object;
  PolicyReport report;
};

class FileDiscovery {
 public:
  FileDiscovery(const std::vector<InventoryEntry>& entries, const config::Keyring& keyring,
                const std::string& token)
      : entries_(entries), keyring_(keyring), token_(token) {}

  void Take(const config::ListedKey& key) {
    key_ = &key;
    scheme_ = SchemeNamed(key.scheme).value();
    const std::vector<Player> wraps = Players(key.wrap, KeyRole::kWrap);
    const std::optional<KeyRole> role = FactsOf(scheme_).authenticator;
    if (!role) {
      for (const Player& wrap : wraps) Add(wrap, nullptr);
      return;
    }
    const std::vector<Player> authenticators = Players(key.authenticator.value(), *role);
    for (const Player& wrap : wraps) {
      for (const Player& authenticator : authenticators) Add(wrap, &authenticator);
    }
  }

  Discovered TakeFound() { return std::move(found_); }

 private:
  std::vector<Player> Players(const config::ListedObject& listed, KeyRole role) {
    const ObjectKind wanted = KindOf(role, scheme_);
    std::vector<Player> players;
    std::string problem = "the token shows no such key";
    for (const InventoryEntry& entry : entries_) {
      if (!HasName(entry, listed)) continue;
      if (entry.kind != wanted) {
        if (players.empty()) {
          problem = fmt::format("it is {}, but scheme {} has {} here", Describe(entry.kind),
                                Name(scheme_), Describe(wanted));
        }
      } else if (IsPrivate(entry.kind) && entry.public_key_digest.empty()) {
        problem = "the token tells no public half of this key that this release knows";
      } else {
        AddPlayer(players, Playing(entry, role, listed.salt));
      }
    }
    if (players.empty()) Remark("listed_key_missing", listed, problem);
    if (players.size() > kMaxMatches) {
      Remark("key_ignored", listed, "too many objects match; name it by its id");
      players.clear();
    }
    return players;
  }

  Player Playing(const InventoryEntry& entry, KeyRole role, const std::string& salt) const {
    return {.entry = &entry,
            .object = {.role = role,
                       .id = Bytes(entry.cka_id.begin(), entry.cka_id.end()),
                       .public_key_digest =
                           Bytes(entry.public_key_digest.begin(), entry.public_key_digest.end()),
                       .salt = Bytes(salt.begin(), salt.end())},
            .report = JudgeKey(entry, role, scheme_, token_, keyring_)};
  }

  // Of two objects that nothing tells apart the canary decides which is meant; here the one that
  // looks less planted stands for both.
  void AddPlayer(std::vector<Player>& players, Player player) {
    const auto same = std::ranges::find_if(players, [&](const Player& other) {
      return other.entry->label == player.entry->label && other.object.id == player.object.id &&
             other.object.public_key_digest == player.object.public_key_digest;
    });
    if (same == players.end()) {
      players.push_back(std::move(player));
    } else if (player.report.wrap_problem.empty()) {
      *same = std::move(player);
    }
  }

  void Add(const Player& wrap, const Player* authenticator) {
    FoundKek kek{.candidate = {.label = LabelOf(*key_),
                               .label_text = wrap.entry->label,
                               .cka_id = wrap.entry->cka_id,
                               .is_never_extractable = wrap.report.is_never_extractable},
                 .wrap = {wrap.entry->label, wrap.entry->cka_id},
                 .authenticator = {},
                 .wrap_problem = WrapProblem(wrap)};
    std::vector<KeyObject> objects = {wrap.object};
    if (authenticator != nullptr) {
      objects.push_back(authenticator->object);
      kek.authenticator = {authenticator->entry->label, authenticator->entry->cka_id};
      kek.candidate.is_never_extractable &= authenticator->report.is_never_extractable;
      if (kek.wrap_problem.empty()) kek.wrap_problem = WrapProblem(*authenticator);
    }
    kek.candidate.keeps_policy = kek.wrap_problem.empty();
    try {
      kek.candidate.key_id =
          MakeKeyId(keyring_.name, keyring_.context, key_->generation, scheme_, objects);
    } catch (const Error& error) {
      return Remark("key_ignored", key_->wrap, error.what());
    }
    found_.keks.push_back(std::move(kek));
  }

  // A key that `discovery: token` gives to another keyring must not wrap for this one too.
  std::string WrapProblem(const Player& player) const {
    const std::optional<KeyLabel> label = ParseKeyLabel(player.entry->label);
    if (label && label->keyring != keyring_.name) {
      return "its label " + player.entry->label + " says that it is of keyring " + label->keyring +
             ": a key belongs to one keyring; take it out of " + keyring_.keys_file;
    }
    return player.report.wrap_problem;
  }

  // What the label of a key of ours would say.
  KeyLabel LabelOf(const config::ListedKey& key) const {
    return {.keyring = keyring_.name,
            .generation = key.generation,
            .activation = key.activation,
            .scheme = scheme_,
            .context_tag = ContextTag(keyring_.context),
            .role = KeyRole::kWrap,
            .withdrawn = key.state != config::ListedState::kActive};
  }

  void Remark(std::string_view event, const config::ListedObject& listed,
              const std::string& problem) {
    found_.remarks.push_back(
        {.severity = Severity::kWarning,
         .name = event,
         .message = fmt::format("generation {} of {} ({}) on token {}: {}", key_->generation,
                                keyring_.keys_file, NameOf(listed), token_, problem),
         .fields = {{"keyring", keyring_.name},
                    {"generation", std::to_string(key_->generation)},
                    {"token", token_}}});
  }

  const std::vector<InventoryEntry>& entries_;
  const config::Keyring& keyring_;
  const std::string& token_;
  const config::ListedKey* key_ = nullptr;  // the one that is being looked for
  SchemeId scheme_ = SchemeId::kAesGcm;     // its scheme
  Discovered found_;
};

}  // namespace

Discovered DiscoverListed(const std::vector<InventoryEntry>& entries,
                          const config::KeysFile& listed, const config::Keyring& keyring,
                          const std::string& token) {
  FileDiscovery discovery(entries, keyring, token);
  for (const config::ListedKey& key : listed.keys) discovery.Take(key);
  return discovery.TakeFound();
}

std::set<NameDigest> NamesOf(const config::KeysFile& listed) {
  std::set<NameDigest> names;
  const auto add = [&](const config::ListedObject& object) {
    names.insert(object.cka_id.empty() ? DigestOfLabel(object.label)
                                       : DigestOfCkaId(object.cka_id));
  };
  for (const config::ListedKey& key : listed.keys) {
    add(key.wrap);
    if (key.authenticator) add(*key.authenticator);
  }
  return names;
}

}  // namespace mortise::hsm
