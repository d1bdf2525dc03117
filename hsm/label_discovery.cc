// SPDX-License-Identifier: Apache-2.0
#include "hsm/label_discovery.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "hsm/key_policy.h"
#include "hsm/scheme/key_label.h"

namespace mortise::hsm {
namespace {

// Of one label. Who plants more objects than that could as well delete the key.
constexpr std::size_t kMaxPairs = 256;

bool IsPrivate(ObjectKind kind) {
  return kind == ObjectKind::kRsaPrivate || kind == ObjectKind::kEcPrivate;
}

// An object that may play the role its label names.
struct Player {
  const InventoryEntry* entry;
  KeyLabel label;
  PolicyReport report;

  KeyObject object() const {
    return {.role = label.role,
            .id = Bytes(entry->cka_id.begin(), entry->cka_id.end()),
            .public_key_digest =
                Bytes(entry->public_key_digest.begin(), entry->public_key_digest.end()),
            .salt = {}};
  }
  ObjectName name() const { return {entry->label, entry->cka_id}; }
};

// The more credible first.
bool ComesBefore(const Player& a, const Player& b) {
  const auto rank = [](const Player& player) {
    return std::tuple(!player.report.is_never_extractable, !player.report.wrap_problem.empty(),
                      std::string_view(player.entry->cka_id));
  };
  return rank(a) < rank(b);
}

class LabelDiscovery {
 public:
  LabelDiscovery(const config::Keyring& keyring, const std::string& token)
      : keyring_(keyring), token_(token) {}

  Discovered Run(const std::vector<InventoryEntry>& entries) {
    for (const InventoryEntry& entry : entries) Take(entry);
    for (auto& [label, players] : players_) std::ranges::stable_sort(players, ComesBefore);
    for (const auto& [label, players] : players_) {
      if (players.front().label.role == KeyRole::kWrap) Combine(players);
    }
    return std::move(found_);
  }

 private:
  using Players = std::vector<Player>;

  void Take(const InventoryEntry& entry) {
    const std::optional<KeyLabel> label = ParseKeyLabel(entry.label);
    if (!label || label->keyring != keyring_.name) return;
    if (const std::string problem = Problem(entry, *label); !problem.empty())
      return Ignore(entry, problem);
    Player player{&entry, *label, JudgeKey(entry, label->role, label->scheme, token_, keyring_)};
    Players& players = players_[entry.label];
    const auto same = std::ranges::find_if(players, [&](const Player& other) {
      return other.name() == player.name() &&
             other.entry->public_key_digest == entry.public_key_digest;
    });
    if (same == players.end()) return players.push_back(std::move(player));
    // The canary decides which is meant; here the one that looks less planted stands for both.
    Ignore(entry, "the token shows two objects of this name; delete the one that is not yours");
    if (ComesBefore(player, *same)) *same = std::move(player);
  }

  // Why the object cannot be what its label says; empty: it may be.
  static std::string Problem(const InventoryEntry& entry, const KeyLabel& label) {
    const std::string scheme(Name(label.scheme));
    if (label.role != KeyRole::kWrap && FactsOf(label.scheme).authenticator != label.role)
      return "its label names a second key that scheme " + scheme + " does not have";
    const ObjectKind wanted = KindOf(label.role, label.scheme);
    if (entry.kind != wanted) {
      return "it is " + std::string(Describe(entry.kind)) + ", but under its label scheme " +
             scheme + " has " + std::string(Describe(wanted)) + "; delete it if it is not yours";
    }
    if (IsPrivate(entry.kind) && entry.public_key_digest.empty()) {
      return "the token tells no public half of this key that this release knows, so it cannot "
             "be named; see docs/vendors for the token";
    }
    return {};
  }

  void Combine(const Players& wraps) {
    const KeyLabel& label = wraps.front().label;
    const std::optional<KeyRole> role = FactsOf(label.scheme).authenticator;
    if (!role) {
      for (const Player& wrap : wraps) Add(wrap, nullptr);
      return;
    }
    const Players authenticators = AuthenticatorsOf(label, *role);
    if (authenticators.empty()) {
      return Ignore(*wraps.front().entry,
                    "it has no " + std::string(*role == KeyRole::kMac ? "MAC" : "signer") +
                        " key beside it, without which scheme " + std::string(Name(label.scheme)) +
                        " opens nothing; restore the one of its label");
    }
    std::size_t pairs = 0;
    for (const Player& wrap : wraps) {
      for (const Player& authenticator : authenticators) {
        if (++pairs > kMaxPairs)
          return Ignore(*wrap.entry, "too many objects share its label; delete those not yours");
        Add(wrap, &authenticator);
      }
    }
  }

  Players AuthenticatorsOf(KeyLabel label, KeyRole role) const {
    if (label.withdrawn) return {};
    label.role = role;
    const auto found = players_.find(FormatKeyLabel(label));
    return found == players_.end() ? Players() : found->second;
  }

  void Add(const Player& wrap, const Player* authenticator) {
    FoundKek kek{.candidate = {.label = wrap.label,
                               .label_text = wrap.entry->label,
                               .cka_id = wrap.entry->cka_id,
                               .is_never_extractable = wrap.report.is_never_extractable},
                 .wrap = wrap.name(),
                 .authenticator = {},
                 .wrap_problem = wrap.report.wrap_problem};
    std::vector<KeyObject> objects = {wrap.object()};
    if (authenticator != nullptr) {
      objects.push_back(authenticator->object());
      kek.authenticator = authenticator->name();
      kek.candidate.is_never_extractable &= authenticator->report.is_never_extractable;
      if (kek.wrap_problem.empty()) kek.wrap_problem = authenticator->report.wrap_problem;
    }
    kek.candidate.keeps_policy = kek.wrap_problem.empty();
    try {
      kek.candidate.key_id = MakeKeyId(keyring_.name, keyring_.context, wrap.label.generation,
                                       wrap.label.scheme, objects);
    } catch (const Error& error) {
      // One object that anyone may have put there must not spoil the scan.
      return Ignore(*wrap.entry, error.what());
    }
    found_.keks.push_back(std::move(kek));
  }

  void Ignore(const InventoryEntry& entry, const std::string& why) {
    found_.remarks.push_back({.severity = Severity::kWarning,
                              .name = "key_ignored",
                              .message = "key " + entry.label + " on token " + token_ + ": " + why,
                              .fields = {{"keyring", keyring_.name}, {"token", token_}}});
  }

  const config::Keyring& keyring_;
  const std::string& token_;
  std::map<std::string, Players> players_;  // by label
  Discovered found_;
};

}  // namespace

Discovered DiscoverByLabel(const std::vector<InventoryEntry>& entries,
                           const config::Keyring& keyring, const std::string& token) {
  return LabelDiscovery(keyring, token).Run(entries);
}

}  // namespace mortise::hsm
