// SPDX-License-Identifier: Apache-2.0
#include "test/token/token_matrix_keys.h"

#include <fmt/format.h>

#include <stdexcept>

#include "base/file.h"
#include "base/random.h"
#include "hsm/cryptoki/key_generation.h"
#include "hsm/key_policy.h"
#include "hsm/scheme/key_label.h"
#include "hsm/worker/key_table.h"

namespace mortise::test {
namespace {

using hsm::KeyRole;
using hsm::ObjectKind;
using hsm::SchemeId;

struct ObjectName {
  KeyRole role;
  std::string label;
  std::string cka_id;
};

std::vector<KeyRole> RolesOf(SchemeId scheme) {
  std::vector<KeyRole> roles = {KeyRole::kWrap};
  if (const auto second = hsm::FactsOf(scheme).authenticator) roles.push_back(*second);
  return roles;
}

// As `key create` names a first generation: both objects have the same time.
ObjectName OwnName(SchemeId scheme, KeyRole role, WallTime now) {
  const std::string label =
      hsm::FormatKeyLabel({.keyring = "prod",
                           .generation = 1,
                           .activation = std::chrono::floor<std::chrono::minutes>(now),
                           .scheme = scheme,
                           .context_tag = hsm::ContextTag("cluster-a"),
                           .role = role});
  return {role, label, std::string(AsText(RandomBytes(16)))};
}

// As no label of ours is.
ObjectName ToolName(KeyRole role) {
  return role == KeyRole::kWrap ? ObjectName{role, "kek 2026", "kek-2026-wrap-01"}
                                : ObjectName{role, "kek 2026 mac", "kek-2026-mac-001"};
}

CK_MECHANISM_TYPE AesMechanism(SchemeId scheme) {
  if (scheme == SchemeId::kAesKwp) return CKM_AES_KEY_WRAP_KWP;
  return scheme == SchemeId::kAesCbcHmac ? CKM_AES_CBC : CKM_AES_GCM;
}

void Generate(const hsm::Session& session, SchemeId scheme, const ObjectName& name) {
  const Bytes id(name.cka_id.begin(), name.cka_id.end());
  switch (hsm::KindOf(name.role, scheme)) {
    case ObjectKind::kAes:
      hsm::GenerateAesKey(session, name.label, id, AesMechanism(scheme));
      return;
    case ObjectKind::kMacSecret:
      hsm::GenerateMacKey(session, name.label, id);
      return;
    case ObjectKind::kRsaPrivate:
      hsm::GenerateRsaKey(session, name.label, id, 3072);
      return;
    case ObjectKind::kEcPrivate:
      hsm::GenerateSignerKey(session, name.label, id,
                             session.HasMechanism(CKM_EDDSA, CKF_SIGN) ? hsm::SignerKind::kEd25519
                                                                       : hsm::SignerKind::kP256);
  }
}

ToolKey ToolKindOf(SchemeId scheme, KeyRole role) {
  switch (hsm::KindOf(role, scheme)) {
    case ObjectKind::kAes:
      return ToolKey::kAes256;
    case ObjectKind::kMacSecret:
      return ToolKey::kHmacSha256;
    case ObjectKind::kRsaPrivate:
      return ToolKey::kRsa3072;
    case ObjectKind::kEcPrivate:
      break;
  }
  throw std::logic_error("no tool makes signer keys");
}

// As tokens[].policy.waive and the page have it.
Findings Judge(const hsm::KeyTable& table, SchemeId scheme, const std::vector<ObjectName>& names) {
  Findings findings;
  for (const ObjectName& name : names) {
    const auto key = table.Find(name.label, name.cka_id);
    if (!key) throw std::runtime_error("the token does not show its new key " + name.label);
    const hsm::PolicyReport report = hsm::JudgeKey(key->entry, name.role, scheme, "test", {});
    for (const auto& [attribute, finding] : report.findings) {
      if (finding == hsm::Finding::kPass) continue;
      findings[hsm::KindOf(name.role, scheme)].push_back(
          fmt::format("{} {}", attribute, hsm::Name(finding)));
    }
  }
  return findings;
}

}  // namespace

Findings GenerateKek(const hsm::Session& session, SchemeId scheme) {
  const WallTime now = WallNow();
  std::vector<ObjectName> names;
  for (const KeyRole role : RolesOf(scheme)) {
    names.push_back(OwnName(scheme, role, now));
    Generate(session, scheme, names.back());
  }
  return Judge(*hsm::KeyTable::Scan(session, nullptr), scheme, names);
}

void MakeKekByTool(TestToken& token, SchemeId scheme, const std::string& keys_file) {
  std::string entry = "- {generation: 1, activation: 2026-01-31T12:00:00Z";
  for (const KeyRole role : RolesOf(scheme)) {
    const ObjectName name = ToolName(role);
    if (!token.MakeKeyByTool(ToolKindOf(scheme, role), name.label, name.cka_id)) {
      throw std::logic_error(token.name() + " has no tool that makes keys");
    }
    const std::string object = fmt::format("label: \"{}\"", name.label);
    entry += role == KeyRole::kWrap ? ", " + object : ", authenticator: {" + object + "}";
  }
  WriteFileAtomically(keys_file, fmt::format("{}, scheme: {}}}\n", entry, hsm::Name(scheme)));
}

Findings JudgeKekOfTool(const hsm::Session& session, SchemeId scheme) {
  std::vector<ObjectName> names;
  std::set<hsm::NameDigest> wanted;
  for (const KeyRole role : RolesOf(scheme)) {
    names.push_back(ToolName(role));
    wanted.insert(hsm::DigestOfLabel(names.back().label));
  }
  return Judge(*hsm::KeyTable::Scan(session, nullptr, wanted), scheme, names);
}

}  // namespace mortise::test
