// SPDX-License-Identifier: Apache-2.0
#include "doctor/schemes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "config/words.h"
#include "hsm/scheme/scheme_facts.h"

namespace mortise::doctor {
namespace {

using config::IvMode;
using hsm::ProbeResult;
using hsm::ProbeTable;
using hsm::ProbeVerdict;
using hsm::SchemeId;

std::string NameOf(const ProbeResult& result) {
  const std::string scheme(hsm::Name(result.scheme));
  if (result.iv_mode == IvMode::kAuto) return scheme;
  const auto found =
      std::ranges::find(config::kIvModes, result.iv_mode, &config::Word<IvMode>::value);
  return fmt::format("{} ({})", scheme, found == std::end(config::kIvModes) ? "" : found->word);
}

bool IsWanted(SchemeId scheme, const std::vector<config::Keyring>& keyrings) {
  return std::ranges::any_of(keyrings, [scheme](const config::Keyring& keyring) {
    return hsm::SchemeNamed(keyring.scheme) == scheme;
  });
}

bool Has(const ProbeTable& table, ProbeVerdict verdict) {
  return std::ranges::find(table, verdict, &ProbeResult::verdict) != table.end();
}

// The results that count for a keyring: of its scheme, or under `auto` all.
ProbeTable For(const config::Keyring& keyring, const ProbeTable& table) {
  ProbeTable own;
  std::ranges::copy_if(table, std::back_inserter(own), [&](const ProbeResult& result) {
    return keyring.scheme == "auto" || hsm::SchemeNamed(keyring.scheme) == result.scheme;
  });
  return own;
}

void JudgeKeyring(const ProbeTable& own, const std::string& subject, CheckList& list) {
  if (own.empty() || Has(own, ProbeVerdict::kProved)) return;
  std::vector<std::string> reasons;
  for (const ProbeResult& result : own) {
    reasons.push_back(fmt::format("{}: {}", NameOf(result), result.why));
  }
  const std::string shown = fmt::format("{}: {}", subject, fmt::join(reasons, "; "));
  if (Has(own, ProbeVerdict::kUntried) && !Has(own, ProbeVerdict::kRefused)) {
    return list.Skip("schemes", shown);
  }
  list.Fail("schemes", shown,
            "choose a scheme that is proved (keyrings[].scheme), or set the token up as its page "
            "in docs/vendors tells");
}

}  // namespace

ProbeTable TrySchemes(const hsm::Session& session, const config::Token& token,
                      const std::vector<config::Keyring>& keyrings) {
  ProbeTable table;
  for (const config::Word<IvMode>& mode : config::kIvModes) {
    const bool is_asked = token.iv_mode == IvMode::kAuto || token.iv_mode == mode.value;
    if (mode.value == IvMode::kAuto || !is_asked) continue;
    table.push_back(hsm::ProbeScheme(session, SchemeId::kAesGcm, mode.value));
  }
  for (const SchemeId scheme : {SchemeId::kAesKwp, SchemeId::kAesCbcHmac}) {
    table.push_back(hsm::ProbeScheme(session, scheme));
  }
  const bool has_any = Has(table, ProbeVerdict::kProved);
  for (const SchemeId scheme : {SchemeId::kRsaOaepHmac, SchemeId::kRsaOaepSign,
                                SchemeId::kRsaOaepHmacSha1, SchemeId::kRsaOaepSignSha1}) {
    const bool is_sha1 =
        scheme == SchemeId::kRsaOaepHmacSha1 || scheme == SchemeId::kRsaOaepSignSha1;
    if (!IsWanted(scheme, keyrings) && (has_any || is_sha1)) continue;
    table.push_back(hsm::ProbeScheme(session, scheme));
  }
  return table;
}

void JudgeSchemes(const ProbeTable& table, const config::Token& token,
                  const std::vector<config::Keyring>& keyrings, CheckList& list) {
  std::vector<std::string> proved, others;
  for (const ProbeResult& result : table) {
    if (result.verdict == ProbeVerdict::kProved) {
      proved.push_back(NameOf(result));
    } else {
      others.push_back(fmt::format("{}: {}", NameOf(result), hsm::Name(result.verdict)));
    }
  }
  const std::string subject = fmt::format("token {}", token.name);
  if (!proved.empty()) {
    list.Pass("schemes", fmt::format("{}: it proves {} on throw-away keys{}{}", subject,
                                     fmt::join(proved, ", "), others.empty() ? "" : "; ",
                                     fmt::join(others, ", ")));
  }
  for (const config::Keyring& keyring : keyrings) {
    JudgeKeyring(For(keyring, table), fmt::format("{}, keyring {}", subject, keyring.name), list);
  }
}

}  // namespace mortise::doctor
