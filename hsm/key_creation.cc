// SPDX-License-Identifier: Apache-2.0
#include "hsm/key_creation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file_lock.h"
#include "base/random.h"
#include "hsm/canary_store.h"
#include "hsm/cryptoki/attributes.h"
#include "hsm/cryptoki/key_generation.h"
#include "hsm/key_history.h"
#include "hsm/key_policy.h"
#include "hsm/scheme/key_label.h"
#include "hsm/state_dir.h"
#include "hsm/worker/kek_operations.h"

namespace mortise::hsm {
namespace {

constexpr std::size_t kCkaIdSize = 16;

// The labels of a keyring's keys in a token.
struct Labels {
  std::vector<std::string> own;      // of its context
  std::vector<std::string> foreign;  // of another one
};

Labels LabelsOf(const Session& session, const config::Keyring& keyring) {
  Labels labels;
  for (const CK_OBJECT_HANDLE key : FindPrivateKeys(session, CKO_SECRET_KEY, CKK_AES)) {
    const Bytes text = ReadBytes(session, key, CKA_LABEL).value_or(Bytes());
    const std::optional<KeyLabel> label = ParseKeyLabel(AsText(text));
    if (!label || label->keyring != keyring.name) continue;
    const bool is_own = label->context_tag == ContextTag(keyring.context);
    (is_own ? labels.own : labels.foreign).emplace_back(AsText(text));
  }
  return labels;
}

void RequireNoGeneration(const Session& session, const config::Keyring& keyring,
                         const std::string& state_dir) {
  if (const auto problem = StateDir(state_dir).problem()) {
    throw Error(Reason::kStateUnusable, *problem);
  }
  const Labels labels = LabelsOf(session, keyring);
  if (!labels.foreign.empty()) {
    throw Error(
        Reason::kConfig,
        fmt::format("the token holds {} for another context, and no second key is made beside it; "
                    "check keyrings[].context, or give this cluster's keyring another name",
                    labels.foreign.front()));
  }
  if (!labels.own.empty()) {
    throw Error(
        Reason::kConfig,
        fmt::format("keyring {} has a key in this token already: {}; look at it with `mortise "
                    "key list`; further generations are the work of `key rotate`, which a "
                    "later release brings",
                    keyring.name, labels.own.front()));
  }
  const KeyringHistory history = KeyHistory(state_dir).Load(keyring.name);
  if (history.problem) throw Error(Reason::kStateUnusable, *history.problem);
  if (!history.keys.empty()) {
    throw Error(
        Reason::kConfig,
        fmt::format("this node knows {} of keyring {}, but the token does not hold it; if this "
                    "is the right token, its key is missing: restore it from a backup, for a new "
                    "key cannot open what the old one has wrapped",
                    history.keys.begin()->first, keyring.name));
  }
}

KeyLabel FirstLabel(const config::Keyring& keyring) {
  return {.keyring = keyring.name,
          .generation = 1,
          .activation = std::chrono::floor<std::chrono::minutes>(WallNow()),
          .scheme = SchemeId::kAesGcm,
          .context_tag = ContextTag(keyring.context)};
}

// The key as a worker will see it; it must be the only one of the keyring.
std::shared_ptr<HeldKey> FindAlone(const Session& session, const config::Keyring& keyring,
                                   const CreatedKey& created) {
  if (LabelsOf(session, keyring).own.size() != 1) {
    throw Error(Reason::kConfig,
                fmt::format("somebody else made a key of keyring {} at the same time; "
                            "look with `mortise key list`",
                            keyring.name));
  }
  std::shared_ptr<HeldKey> key =
      KeyTable::Scan(session, nullptr)->Find(created.label, created.cka_id);
  if (key) return key;
  throw Error(Reason::kKeyMissing, "the token made the key, but a search does not find it");
}

void RequirePolicy(const InventoryEntry& entry, const std::string& token_name,
                   const config::Keyring& keyring) {
  const PolicyReport report =
      JudgeKey(entry, KeyRole::kWrap, SchemeId::kAesGcm, token_name, keyring);
  if (report.wrap_problem.empty()) return;
  throw Error(Reason::kKeyRefused,
              fmt::format("the token made a key that the attribute policy forbids to wrap: {}",
                          report.wrap_problem));
}

Canary MakeCanary(KekOperations& operations, const Session& session, const HeldKek& keys,
                  const KekView& kek, const std::string& token_name) {
  const std::string made = operations.MakeCanary(session, keys, kek);
  Canary canary{.key_id = std::string(kek.key_id),
                .first_seen = WallNow(),
                .source = CanarySource::kCreated,
                .token = token_name,
                .blob = made.substr(sizeof(Digest))};
  std::copy_n(AsBytes(made).begin(), sizeof(Digest), canary.proof.begin());
  return canary;
}

// Proves the key and records it.
void Admit(SessionKeeper& keeper, const config::Keyring& keyring, const std::string& token_name,
           const std::string& state_dir, const CreatedKey& created) {
  const std::shared_ptr<HeldKey> key = FindAlone(keeper.session(), keyring, created);
  RequirePolicy(key->entry, token_name, keyring);
  const KekView kek{.label = created.label,
                    .cka_id = created.cka_id,
                    .keyring = keyring.name,
                    .context = keyring.context,
                    .key_id = created.key_id,
                    .canary = {}};
  const HeldKek keys{.wrap = key, .authenticator = nullptr};
  KekOperations operations(config::IvMode::kCaller);
  operations.SelfTest(keeper, keys, kek);
  const Canary canary = MakeCanary(operations, keeper.session(), keys, kek, token_name);
  // The canary first: a folder that lists a key but has no canary of it trusts nothing.
  CanaryStore(state_dir).Save(canary);
  KeyHistory(state_dir).Update(keyring.name, [&](KeyringHistory& history) {
    history.keys[created.key_id] = {.first_seen = canary.first_seen, .accepted = std::nullopt};
  });
}

// From C_GenerateKey on a service may have seen the key, proved it and wrapped with it, so
// whatever went wrong here, it is not destroyed.
[[noreturn]] void LeaveKey(const CreatedKey& created, const Error& cause) {
  throw Error(
      cause.reason(),
      fmt::format("{}; the new key {} stays in the token, for a service may have used it already, "
                  "and uses it only if it passes there. Mend the cause and look at it with "
                  "`mortise key list`; where nothing has served this keyring yet, delete it with "
                  "the vendor's tool and run `mortise key create` again",
                  cause.what(), created.label),
      cause.ckr());
}

// Two runs at once would make two keys of one generation, neither of which can be trusted.
FileLock LockCreation(const std::string& state_dir) {
  std::optional<FileLock> lock = FileLock::Acquire(state_dir + "/key-create.lock", {});
  if (lock) return std::move(*lock);
  throw Error(Reason::kConfig,
              "another `mortise key create` is at work on this node; see what it "
              "made with `mortise key list`");
}

}  // namespace

bool HasKeyOf(const Session& session, const config::Keyring& keyring) {
  return !LabelsOf(session, keyring).own.empty();
}

CreatedKey CreateFirstKey(SessionKeeper& keeper, const config::Keyring& keyring,
                          const std::string& token_name, const std::string& state_dir) {
  const FileLock lock = LockCreation(state_dir);
  RequireNoGeneration(keeper.session(), keyring, state_dir);
  const KeyLabel label = FirstLabel(keyring);
  const Bytes id = RandomBytes(kCkaIdSize);
  const std::array objects{
      KeyObject{.role = KeyRole::kWrap, .id = id, .public_key_digest = {}, .salt = {}}};
  const CreatedKey created{
      .key_id = MakeKeyId(keyring.name, keyring.context, label.generation, label.scheme, objects),
      .label = FormatKeyLabel(label),
      .cka_id = std::string(AsText(id)),
      .generation = label.generation,
      .activation = label.activation};
  GenerateAesKey(keeper.session(), created.label, id, CKM_AES_GCM);
  try {
    Admit(keeper, keyring, token_name, state_dir, created);
  } catch (const Error& error) {
    LeaveKey(created, error);
  }
  return created;
}

}  // namespace mortise::hsm
