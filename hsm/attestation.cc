// SPDX-License-Identifier: Apache-2.0
#include "hsm/attestation.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "hsm/cryptoki/attribute_report.h"
#include "hsm/cryptoki/slot.h"
#include "hsm/discovery.h"
#include "hsm/key_policy.h"
#include "hsm/scheme_approval.h"
#include "hsm/worker/key_table.h"
#include "hsm/wrap_outlook.h"

namespace mortise::hsm {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLargestModule = std::size_t{1} << 28;

Json LibraryOf(const OpenedToken& opened, const config::Token& token) {
  // What a link leads to is what was loaded.
  const std::string path = std::filesystem::canonical(token.module).string();
  return {{"name", opened.module().library()},
          {"path", path},
          {"sha256", ToHex(Sha256::Of(AsBytes(ReadFile(path, kLargestModule))))}};
}

Json TokenOf(const OpenedToken& opened, const config::Token& token) {
  const TokenDescription is = DescribeToken(opened.module(), opened.slot());
  return {{"name", token.name},        {"label", is.label},
          {"serial", is.serial},       {"manufacturer", is.manufacturer},
          {"model", is.model},         {"firmware", is.firmware},
          {"location", token.location}};
}

Json AttributesOf(const Session& session, const HeldKey& key, const PolicyReport& report) {
  Json attributes = Json::array();
  for (const ReportedAttribute& attribute : ReportAttributes(session, key.handle)) {
    const auto verdict =
        std::ranges::find(report.findings, attribute.name, &AttributeFinding::attribute);
    Json one = {{"name", attribute.name}};
    one["value"] = attribute.value ? Json(*attribute.value) : Json(nullptr);
    if (verdict != report.findings.end()) one["verdict"] = Name(verdict->finding);
    attributes.push_back(std::move(one));
  }
  return attributes;
}

// Every object of that name: that there are several is for the auditor to see.
void AddObjects(Json& objects, const Session& session, const KeyTable& table,
                const ObjectName& name, KeyRole role, SchemeId scheme, const config::Token& token,
                const config::Keyring& keyring) {
  for (const std::shared_ptr<HeldKey>& key : table.FindAll(name.label, name.cka_id)) {
    const PolicyReport report = JudgeKey(key->entry, role, scheme, token.name, keyring);
    objects.push_back({{"role", Name(role)},
                       {"label", name.label},
                       {"ckaId", ToHex(AsBytes(name.cka_id))},
                       {"publicKeySha256", ToHex(AsBytes(key->entry.public_key_digest))},
                       {"mayWrap", report.wrap_problem.empty()},
                       {"problem", report.wrap_problem},
                       {"attributes", AttributesOf(session, *key, report)}});
  }
}

Json KeyOf(const Session& session, const KeyTable& table, const FoundKek& kek,
           const config::Token& token, const config::Keyring& keyring) {
  const KeyLabel& label = kek.candidate.label;
  const WrapOutlook outlook = OutlookOf(session, label.scheme, token, keyring.policy);
  const Approval approval = ApprovalOf(label.scheme, outlook.iv_mode);
  const std::string problem = kek.wrap_problem.empty() ? outlook.problem : kek.wrap_problem;
  Json objects = Json::array();
  AddObjects(objects, session, table, kek.wrap, KeyRole::kWrap, label.scheme, token, keyring);
  if (const auto role = FactsOf(label.scheme).authenticator)
    AddObjects(objects, session, table, kek.authenticator, *role, label.scheme, token, keyring);
  return {{"keyId", kek.candidate.key_id},
          {"generation", label.generation},
          {"scheme", Name(label.scheme)},
          {"activation", FormatTime(label.activation)},
          {"approved", approval.is_approved},
          {"approval", approval.basis},
          {"mayWrap", problem.empty()},
          {"problem", problem},
          {"objects", objects}};
}

}  // namespace

Json Attest(const OpenedToken& opened, const config::Token& token, const config::Keyring& keyring) {
  const Session& session = opened.session();
  const Searched searched = SearchToken(session, keyring, token.name);
  Json keys = Json::array();
  for (const FoundKek& kek : searched.discovered.keks)
    keys.push_back(KeyOf(session, *searched.table, kek, token, keyring));
  return {{"token", TokenOf(opened, token)}, {"library", LibraryOf(opened, token)}, {"keys", keys}};
}

}  // namespace mortise::hsm
