// SPDX-License-Identifier: Apache-2.0
#include "test/token/token_matrix_keys.h"

#include <fmt/format.h>

#include <stdexcept>

#include "base/file.h"
#include "hsm/discovery.h"
#include "hsm/key_creation.h"
#include "hsm/key_policy.h"
#include "hsm/opened_token.h"
#include "hsm/state_dir.h"

namespace mortise::test {
namespace {

using hsm::KeyRole;
using hsm::ObjectKind;
using hsm::SchemeId;

std::string ToolLabel(KeyRole role) {
  return role == KeyRole::kWrap ? "kek 2026" : "kek 2026 mac";
}

hsm::OpenedToken Open(const config::Token& token, const std::string& state_dir) {
  const hsm::StateDir make(state_dir);
  return {token, hsm::Credentials::ToServe(token), state_dir};
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

// As the table and the page have it: "CKA_LOCAL fail".
std::vector<std::string> Judge(const hsm::Searched& searched, const hsm::ObjectName& name,
                               KeyRole role, SchemeId scheme) {
  const auto key = searched.table->Find(name.label, name.cka_id);
  const hsm::PolicyReport report = hsm::JudgeKey(key->entry, role, scheme, "test", {});
  std::vector<std::string> wrong;
  for (const auto& [attribute, finding] : report.findings) {
    if (finding != hsm::Finding::kPass)
      wrong.push_back(fmt::format("{} {}", attribute, hsm::Name(finding)));
  }
  return wrong;
}

}  // namespace

config::Keyring MatrixKeyring(const MatrixToken& matrix) {
  config::Keyring keyring;
  keyring.name = "prod";
  keyring.context = "cluster-a";
  keyring.max_wraps_per_second = 0;
  for (const auto& [kind, wrong] : matrix.findings) {
    for (const std::string& one : wrong)
      keyring.policy.waive["test"].push_back(one.substr(0, one.find(' ')));
  }
  return keyring;
}

void CreateKek(const TestToken& token, const config::Keyring& keyring, const std::string& state_dir,
               SchemeId scheme) {
  const config::Token configured = token.ToConfig();
  hsm::OpenedToken opened = Open(configured, state_dir);
  hsm::CreateFirstKey(opened, keyring, configured, state_dir, scheme);
}

void MakeKekByTool(TestToken& token, const config::Keyring& keyring, SchemeId scheme) {
  const auto make = [&](KeyRole role, const std::string& cka_id) {
    if (!token.MakeKeyByTool(ToolKindOf(scheme, role), ToolLabel(role), cka_id))
      throw std::logic_error(token.name() + " has no tool that makes keys");
    return fmt::format("label: \"{}\"", ToolLabel(role));
  };
  std::string entry = make(KeyRole::kWrap, "kek-2026-wrap-01");
  if (const auto second = hsm::FactsOf(scheme).authenticator)
    entry += ", authenticator: {" + make(*second, "kek-2026-mac-001") + "}";
  WriteFileAtomically(
      keyring.keys_file,
      fmt::format("- {{generation: 1, activation: 2026-01-31T12:00:00Z, scheme: {}, {}}}\n",
                  hsm::Name(scheme), entry));
}

Findings JudgeKek(const TestToken& token, const config::Keyring& keyring,
                  const std::string& state_dir, SchemeId scheme) {
  const config::Token configured = token.ToConfig();
  const hsm::OpenedToken opened = Open(configured, state_dir);
  const hsm::Searched searched = hsm::SearchToken(opened.session(), keyring, configured.name);
  const hsm::FoundKek& kek = searched.discovered.keks.at(0);
  Findings findings;
  findings[hsm::KindOf(KeyRole::kWrap, scheme)] = Judge(searched, kek.wrap, KeyRole::kWrap, scheme);
  if (const auto second = hsm::FactsOf(scheme).authenticator)
    findings[hsm::KindOf(*second, scheme)] = Judge(searched, kek.authenticator, *second, scheme);
  return findings;
}

}  // namespace mortise::test
