// SPDX-License-Identifier: Apache-2.0
#include "doctor/tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "doctor/check_json.h"
#include "doctor/library.h"
#include "doctor/token_inside.h"
#include "doctor/token_outside.h"

namespace mortise::doctor {
namespace {

bool HasFailure(const std::vector<Check>& checks) {
  return std::ranges::find(checks, CheckStatus::kFail, &Check::status) != checks.end();
}

bool IsSoundLibrary(const config::Token& token, const Linker& linker) {
  CheckList list("library");
  CheckLibraries({token}, linker, list);
  return !list.checks().empty() && !HasFailure(list.checks()) && token.module.starts_with('/');
}

constexpr char kSeeClient[] =
    "see that the HSM and its client work: the vendor's own tools, or pkcs11-tool --module FILE "
    "--list-slots";
constexpr char kSeeSlot[] =
    "correct tokens[].uri, or see that the vendor's client knows that token: workers see only "
    "tokens[].environment of the environment";

// Why the visit gave nothing.
Check FromError(const config::Token& token, const std::string& id, const Error& error) {
  const std::string prefix = fmt::format("token {}: ", token.name);
  const std::string text = error.what();
  const bool is_absent = id == "token-slot" && error.reason() == Reason::kUnavailable;
  return {"token", id, CheckStatus::kFail, text.starts_with(prefix) ? text : prefix + text,
          is_absent ? kSeeSlot : kSeeClient};
}

void Append(std::vector<Check>& all, const std::vector<Check>& more) {
  all.insert(all.end(), more.begin(), more.end());
}

void VisitToken(const config::Token& token, const config::Config& config, const TokensOrder& order,
                const RunForToken& run, std::vector<Check>& all) {
  try {
    const std::vector<Check> outside = ChecksOf(
        run(token, token.start_timeout, [&] { return ToJson(LookAtToken(token, config)); }));
    Append(all, outside);
    if (HasFailure(outside)) return;
  } catch (const Error& error) {
    return all.push_back(FromError(token, "token-slot", error));
  }
  if (!order.may_login && token.login == config::Login::kPin) {
    return all.push_back({"token", "login", CheckStatus::kSkip,
                          fmt::format("token {}: not logged in (--no-login)", token.name), ""});
  }
  if (!order.wants_inside && token.login != config::Login::kPin) return;
  try {
    Append(all, ChecksOf(run(token, token.start_timeout,
                             [&] { return ToJson(LookInside(token, config, order)); })));
  } catch (const Error& error) {
    all.push_back(FromError(token, "login", error));
  }
}

// A category without a word on the token could be taken for a good sign.
void SkipWhatIsMissing(const config::Token& token, std::size_t since, std::vector<Check>& all) {
  for (const char* category : {"key", "crypto", "performance"}) {
    const auto found = std::find_if(all.begin() + static_cast<std::ptrdiff_t>(since), all.end(),
                                    [&](const Check& check) { return check.category == category; });
    if (found != all.end()) continue;
    all.push_back({category, "token-login", CheckStatus::kSkip,
                   fmt::format("token {}: not looked at, since nobody is logged in", token.name),
                   ""});
  }
}

}  // namespace

std::vector<Check> CheckTokens(const config::Config& config, const TokensOrder& order,
                               const Linker& linker, const RunForToken& run) {
  std::vector<Check> all;
  for (const config::Token& token : config.tokens) {
    const std::size_t before = all.size();
    if (IsSoundLibrary(token, linker)) {
      VisitToken(token, config, order, run, all);
    } else {
      all.push_back({"token", "token-library", CheckStatus::kFail,
                     fmt::format("token {}: its library is not loaded", token.name),
                     "see what the category library says of it"});
    }
    if (order.wants_inside) SkipWhatIsMissing(token, before, all);
  }
  return all;
}

}  // namespace mortise::doctor
