// SPDX-License-Identifier: Apache-2.0
#include "cli/scheme_choice.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "cli/configured.h"
#include "cli/token_process.h"
#include "hsm/key_policy.h"
#include "hsm/scheme/scheme_facts.h"
#include "hsm/worker/scheme_probe.h"
#include "hsm/wrap_outlook.h"

namespace mortise::cli {
namespace {

using Json = nlohmann::ordered_json;

Json JsonOf(const hsm::ProbeTable& table) {
  Json rows = Json::array();
  for (const hsm::ProbeResult& result : table)
    rows.push_back({result.scheme, result.iv_mode, result.verdict, result.why});
  return rows;
}

hsm::ProbeTable TableOf(const Json& rows) {
  hsm::ProbeTable table;
  for (const Json& row : rows)
    table.push_back({row.at(0), row.at(1), row.at(2), row.at(3).get<std::string>()});
  return table;
}

// What the keyring's policy and the token's own setting leave of what a token proves.
bool IsUsable(const hsm::ProbeResult& result, const config::Token& token,
              const config::KeyPolicy& policy) {
  if (result.verdict != hsm::ProbeVerdict::kProved) return false;
  if (!hsm::SchemeProblem(result.scheme, policy).empty()) return false;
  if (result.scheme != hsm::SchemeId::kAesGcm) return true;
  if (policy.mode == config::PolicyMode::kFips && result.iv_mode == config::IvMode::kCaller)
    return false;
  return token.iv_mode == config::IvMode::kAuto || token.iv_mode == result.iv_mode;
}

hsm::ProbeTable Probe(const config::Config& config, const config::Keyring& keyring,
                      const config::Token& token, const config::AdminConfig& admin) {
  const hsm::Credentials credentials = hsm::Credentials::ToAdminister(token, admin);
  hsm::ProbeTable table = TableOf(RunForToken(token, token.start_timeout, [&] {
    const hsm::OpenedToken opened(token, credentials, config.state_dir);
    return JsonOf(hsm::ProbeAll(opened.session()));
  }));
  std::erase_if(table, [&](const hsm::ProbeResult& result) {
    return !IsUsable(result, token, keyring.policy);
  });
  return table;
}

// A token whose OAEP knows SHA-1 only is served by an explicit switch.
std::string OtherWay(hsm::SchemeId scheme) {
  if (scheme != hsm::SchemeId::kRsaOaepHmac && scheme != hsm::SchemeId::kRsaOaepSign) return {};
  return fmt::format(" (where its OAEP has SHA-1 only, {}-sha1 is the scheme to set)",
                     hsm::Name(scheme));
}

// The scheme that is set, on each token, before anything is made: a key that fails its first
// self-test stays behind.
void RequireProved(const config::Config& config, const config::Keyring& keyring,
                   const config::AdminConfig& admin, hsm::SchemeId scheme) {
  for (const config::Token* token : TokensOf(config, keyring)) {
    const hsm::Credentials credentials = hsm::Credentials::ToAdminister(*token, admin);
    const hsm::ProbeTable found = TableOf(RunForToken(*token, token->start_timeout, [&] {
      const hsm::OpenedToken opened(*token, credentials, config.state_dir);
      const hsm::WrapOutlook outlook =
          hsm::OutlookOf(opened.session(), scheme, *token, keyring.policy);
      if (!outlook.problem.empty()) throw Error(Reason::kKeyRefused, outlook.problem);
      return JsonOf({hsm::ProbeScheme(opened.session(), scheme, outlook.iv_mode)});
    }));
    const hsm::ProbeResult& result = found.at(0);
    // Without throw-away keys the key's own self-test tells.
    if (result.verdict == hsm::ProbeVerdict::kProved ||
        result.verdict == hsm::ProbeVerdict::kUntried)
      continue;
    throw Error(Reason::kKeyRefused,
                fmt::format("no key was made: scheme {} is {} on token {}: {}; see `mortise doctor "
                            "--only crypto` for what that token can do",
                            keyring.scheme, hsm::Name(result.verdict), token->name,
                            result.why + OtherWay(scheme)));
  }
}

std::string NamesIn(const hsm::ProbeTable& table) {
  std::string names;
  for (const hsm::ProbeResult& result : table) {
    const std::string name(hsm::Name(result.scheme));
    if (names.find(name) == std::string::npos) names += (names.empty() ? "" : ", ") + name;
  }
  return names.empty() ? "none" : names;
}

}  // namespace

hsm::SchemeId ChooseScheme(const config::Config& config, const config::Keyring& keyring,
                           const config::AdminConfig& admin, const hsm::Journal& journal) {
  if (keyring.scheme != "auto") {
    const hsm::SchemeId scheme = hsm::SchemeNamed(keyring.scheme).value();
    RequireProved(config, keyring, admin, scheme);
    journal("the configuration sets scheme " + keyring.scheme +
            "; throw-away keys do not refute it");
    return scheme;
  }
  std::vector<hsm::ProbeTable> tables;
  std::string proved;
  for (const config::Token* token : TokensOf(config, keyring)) {
    tables.push_back(Probe(config, keyring, *token, admin));
    const std::string names = fmt::format("token {}: {}", token->name, NamesIn(tables.back()));
    journal("schemes that the policy allows and throw-away keys prove: " + names);
    proved += (proved.empty() ? "" : "; ") + names;
  }
  if (const std::optional<hsm::SchemeId> best = hsm::BestScheme(tables)) {
    journal(fmt::format("chosen: {}, the best that all of the keyring's tokens prove",
                        hsm::Name(*best)));
    return *best;
  }
  throw Error(Reason::kKeyRefused,
              fmt::format("no scheme that the policy allows is proved on every token of keyring {} "
                          "({}); see `mortise doctor --only crypto` for the causes, and set "
                          "keyrings[].scheme where a token makes no throw-away keys",
                          keyring.name, proved));
}

}  // namespace mortise::cli
