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
#include "hsm/cryptoki/key_generation.h"
#include "hsm/discovery.h"
#include "hsm/key_history.h"
#include "hsm/scheme/key_label.h"
#include "hsm/state_dir.h"
#include "hsm/worker/kek_operations.h"

namespace mortise::hsm {
namespace {

constexpr std::size_t kCkaIdSize = 16;
// NIST's 128 bits of strength; TPM 2.0 has no more.
constexpr CK_ULONG kRsaBits = 3072;

// The labels of a keyring's keys in a token.
struct Labels {
  std::vector<std::string> own;      // of its context
  std::vector<std::string> foreign;  // of another one
};

Labels LabelsOf(const Session& session, const config::Keyring& keyring) {
  Labels labels;
  for (const InventoryEntry& entry : EntriesOf(*KeyTable::Scan(session, nullptr))) {
    const std::optional<KeyLabel> label = ParseKeyLabel(entry.label);
    if (!label || label->keyring != keyring.name) continue;
    const bool is_own = label->context_tag == ContextTag(keyring.context);
    (is_own ? labels.own : labels.foreign).push_back(entry.label);
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

KeyLabel FirstLabel(const config::Keyring& keyring, SchemeId scheme) {
  return {.keyring = keyring.name,
          .generation = 1,
          .activation = std::chrono::floor<std::chrono::minutes>(WallNow()),
          .scheme = scheme,
          .context_tag = ContextTag(keyring.context)};
}

CK_MECHANISM_TYPE AesMechanism(SchemeId scheme, config::IvMode iv_mode) {
  if (scheme == SchemeId::kAesKwp) return CKM_AES_KEY_WRAP_KWP;
  if (scheme == SchemeId::kAesCbcHmac) return CKM_AES_CBC;
  return iv_mode == config::IvMode::kPrepended ? CKM_CLOUDHSM_AES_GCM : CKM_AES_GCM;
}

CK_OBJECT_HANDLE GenerateWrapKey(const OpenedToken& opened, const config::Token& token,
                                 SchemeId scheme, const std::string& label, ByteView id) {
  if (FactsOf(scheme).wrap_key == ObjectKind::kRsaPrivate)
    return GenerateRsaKey(opened.session(), label, id, kRsaBits);
  return GenerateAesKey(opened.session(), label, id, AesMechanism(scheme, token.iv_mode));
}

CK_OBJECT_HANDLE GenerateAuthenticator(const OpenedToken& opened, KeyRole role,
                                       const std::string& label, ByteView id) {
  if (role == KeyRole::kMac) return GenerateMacKey(opened.session(), label, id);
  const bool has_ed25519 = HasMechanism(opened.module().p11(), opened.slot(), CKM_EDDSA, CKF_SIGN);
  return GenerateSignerKey(opened.session(), label, id,
                           has_ed25519 ? SignerKind::kEd25519 : SignerKind::kP256);
}

// What went wrong before is what is told.
void TryToDestroy(const Session& session, CK_OBJECT_HANDLE object) {
  try {
    DestroyObject(session, object);
  } catch (const Error&) {
  }
}

// The authenticator comes first: a wrap key without one is no KEK, so nobody sees half of it.
// Its fate is then that of the wrap key.
void GenerateObjects(const OpenedToken& opened, const config::Token& token, KeyLabel label,
                     const Bytes& wrap_id, const Journal& journal) {
  const auto say = [&](const char* what, const KeyLabel& made, const Bytes& id) {
    journal(fmt::format("the token generated the {} key, label {}, CKA_ID {}; both were read back",
                        what, FormatKeyLabel(made), ToHex(id)));
  };
  std::optional<CK_OBJECT_HANDLE> authenticator;
  if (const auto role = FactsOf(label.scheme).authenticator) {
    KeyLabel second = label;
    second.role = *role;
    const Bytes id = RandomBytes(kCkaIdSize);
    authenticator = GenerateAuthenticator(opened, *role, FormatKeyLabel(second), id);
    say(*role == KeyRole::kMac ? "MAC" : "signer", second, id);
  }
  try {
    GenerateWrapKey(opened, token, label.scheme, FormatKeyLabel(label), wrap_id);
  } catch (const Error&) {
    if (authenticator) TryToDestroy(opened.session(), *authenticator);
    throw;
  }
  say("wrap", label, wrap_id);
}

// The key as a service will find it; it must be the only one of the keyring.
struct Alone {
  HeldKek keys;
  FoundKek found;
};
Alone FindAlone(const Session& session, const config::Keyring& keyring, const config::Token& token,
                const CreatedKey& created) {
  const Searched searched = SearchToken(session, keyring, token.name);
  const auto is_own = [&](const FoundKek& kek) {
    return kek.candidate.label.context_tag == ContextTag(keyring.context);
  };
  if (std::ranges::count_if(searched.discovered.keks, is_own) > 1) {
    throw Error(Reason::kConfig,
                fmt::format("somebody else made a key of keyring {} at the same time; "
                            "look with `mortise key list`",
                            keyring.name));
  }
  const auto found = std::ranges::find_if(searched.discovered.keks, [&](const FoundKek& kek) {
    return kek.wrap == ObjectName{created.label, created.cka_id};
  });
  if (found == searched.discovered.keks.end()) {
    std::string why;
    for (const Event& remark : searched.discovered.remarks) why += "; " + remark.message;
    throw Error(Reason::kKeyMissing, "the token made the key, but a search does not find it" + why);
  }
  return {.keys = HeldIn(*searched.table, *found), .found = *found};
}

void RequirePolicy(const FoundKek& kek) {
  if (kek.wrap_problem.empty()) return;
  throw Error(
      Reason::kKeyRefused,
      fmt::format("the token made a key that the attribute policy forbids to wrap: {}; where the "
                  "vendor's documentation explains it, waive the attribute in policy.waive",
                  kek.wrap_problem));
}

Canary MakeCanary(KekOperations& operations, const Session& session, const Alone& key,
                  const KekView& kek, const std::string& token_name) {
  const std::string made = operations.MakeCanary(session, key.keys, kek);
  Canary canary{.key_id = std::string(kek.key_id),
                .first_seen = WallNow(),
                .source = CanarySource::kCreated,
                .token = token_name,
                .blob = made.substr(sizeof(Digest)),
                .proof = {}};
  std::copy_n(AsBytes(made).begin(), sizeof(Digest), canary.proof.begin());
  return canary;
}

// Proves the key and records it.
void Admit(OpenedToken& opened, const config::Keyring& keyring, const config::Token& token,
           const std::string& state_dir, CreatedKey& created, const Journal& journal) {
  const Alone key = FindAlone(opened.session(), keyring, token, created);
  created.key_id = key.found.candidate.key_id;
  journal("the key is named " + created.key_id);
  RequirePolicy(key.found);
  journal("its attributes keep the policy, mode " +
          std::string(keyring.policy.mode == config::PolicyMode::kFips ? "fips" : "strict"));
  const KekView kek = ViewOf(key.found, keyring);
  KekOperations operations(token.iv_mode);
  operations.SelfTest(opened.keeper(), key.keys, kek);
  journal("the self-test passed: wraps open, and changed ones do not");
  created.canary = MakeCanary(operations, opened.session(), key, kek, token.name);
  // The canary first: a folder that lists a key but has no canary of it trusts nothing.
  CanaryStore(state_dir).Save(created.canary);
  journal("a canary was made and stored, proof " + ToHex(created.canary.proof));
  KeyHistory(state_dir).Update(keyring.name, [&](KeyringHistory& history) {
    history.keys[created.key_id] = {.first_seen = created.canary.first_seen,
                                    .accepted = std::nullopt};
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

CreatedKey CreateFirstKey(OpenedToken& opened, const config::Keyring& keyring,
                          const config::Token& token, const std::string& state_dir, SchemeId scheme,
                          const Journal& journal) {
  if (keyring.discovery == config::Discovery::kFile) {
    throw Error(
        Reason::kConfig,
        fmt::format("keyring {} has discovery: file, so a key made here would not be found; "
                    "make it with the vendor's tool and list it in {}",
                    keyring.name, keyring.keys_file));
  }
  const FileLock lock = LockCreation(state_dir);
  RequireNoGeneration(opened.session(), keyring, state_dir);
  const KeyLabel label = FirstLabel(keyring, scheme);
  const Bytes id = RandomBytes(kCkaIdSize);
  CreatedKey created{.key_id = {},
                     .scheme = scheme,
                     .label = FormatKeyLabel(label),
                     .cka_id = std::string(AsText(id)),
                     .generation = label.generation,
                     .activation = label.activation,
                     .canary = {}};
  GenerateObjects(opened, token, label, id, journal);
  try {
    Admit(opened, keyring, token, state_dir, created, journal);
  } catch (const Error& error) {
    LeaveKey(created, error);
  }
  return created;
}

}  // namespace mortise::hsm
