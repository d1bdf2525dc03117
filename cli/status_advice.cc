// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string_view>

#include "cli/status_report.h"

namespace mortise::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kWrapsToWarnAt = 0.8;

// What to do about a reason that a keyring or a token is stopped by.
std::string NextStep(const std::string& reason) {
  static const std::map<std::string, std::string, std::less<>> kSteps = {
      {"key_missing",
       "restore the key in the token, or check that `uri` names the right token; "
       "`mortise key list --config FILE` shows what each token holds"},
      {"key_foreign",
       "another key has this one's name: compare the tokens with `mortise key list "
       "--config FILE` and remove the stranger"},
      {"key_quarantined", "an operator stopped this key; nothing decrypts until it is released"},
      {"pin_rejected",
       "write the right PIN to `pinFile`, or, when it is right, run `mortise token unlatch "
       "--config FILE`; the old one is not tried again, so that it cannot lock the HSM"},
      {"state_unusable", "make `stateDir` writable for mortise and see that its disk has room"},
      {"wrap_limit", "rotate the key"},
      {"config", "run `mortise config check --config FILE`"},
      {"permission", "run `mortise config check --config FILE` as the user that serves"}};
  const auto found = kSteps.find(reason);
  return found == kSteps.end() ? "read mortise's log for the failing call; docs/errors.md explains "
                                 "each reason"
                               : found->second;
}

bool HasTokenUp(const Json& keyring) {
  for (const Json& token : keyring.at("tokens")) {
    if (token.value("up", false)) return true;
  }
  return false;
}

// The reason of a token's last failure; empty when it has had none.
std::string LastReason(const Json& statusz, const std::string& token) {
  for (const Json& error : statusz.at("lastErrors")) {
    if (error.value("token", "") == token) return error.value("reason", "");
  }
  return "";
}

std::string NextStepForKeyring(const Json& keyring) {
  const std::string name = keyring.value("name", "");
  if (keyring.at("fatal").is_object()) return NextStep(keyring.at("fatal").value("reason", ""));
  if (!HasTokenUp(keyring)) {
    return "no token is up: check the HSM, the network to it and its client's daemon; mortise "
           "connects by itself once they are back";
  }
  if (keyring.at("generations").empty()) {
    return fmt::format(
        "make its first key: mortise key create --config FILE --admin-config "
        "ADMIN-FILE --keyring {}",
        name);
  }
  return "ask again in half a minute: a key serves once its time has come and a token has opened "
         "its canary; `problem` of a generation says what else holds it back";
}

void AdviseOnTokens(const Json& statusz, const Json& keyring, std::vector<std::string>& advice) {
  for (const Json& token : keyring.at("tokens")) {
    if (token.value("up", false)) continue;
    const std::string name = token.value("name", "");
    advice.push_back(fmt::format("token {} is down: {}\n  next: {}", name,
                                 token.value("problem", ""), NextStep(LastReason(statusz, name))));
  }
}

void AdviseOnGenerations(const Json& keyring, std::vector<std::string>& advice) {
  for (const Json& generation : keyring.at("generations")) {
    const std::string key_id = generation.value("keyId", "");
    const std::string problem = generation.value("problem", "");
    if (!problem.empty()) {
      advice.push_back(fmt::format("key {} is {}: {}\n  next: {}", key_id,
                                   generation.value("state", ""), problem,
                                   "compare with `mortise key list --config FILE`"));
    }
    const double limit = generation.value("wrapLimit", 0.0);
    if (limit > 0 && generation.value("wraps", 0.0) >= kWrapsToWarnAt * limit) {
      advice.push_back(fmt::format("key {} has spent {:.0f} of {:.0f} wraps\n  next: {}", key_id,
                                   generation.value("wraps", 0.0), limit, NextStep("wrap_limit")));
    }
  }
}

}  // namespace

ExitCode Verdict(const Json& statusz) {
  ExitCode verdict = ExitCode::kOk;
  for (const Json& keyring : statusz.at("keyrings")) {
    if (keyring.value("ready", false)) continue;
    if (!keyring.at("fatal").is_object() && !HasTokenUp(keyring)) return ExitCode::kHsmUnreachable;
    verdict = ExitCode::kFailed;
  }
  return verdict;
}

std::vector<std::string> Advice(const Json& statusz) {
  std::vector<std::string> advice;
  for (const Json& keyring : statusz.at("keyrings")) {
    if (!keyring.value("ready", false)) {
      advice.push_back(fmt::format("keyring {} is not ready: {}\n  next: {}",
                                   keyring.value("name", ""), keyring.value("problem", ""),
                                   NextStepForKeyring(keyring)));
    }
    AdviseOnTokens(statusz, keyring, advice);
    AdviseOnGenerations(keyring, advice);
  }
  return advice;
}

}  // namespace mortise::cli
