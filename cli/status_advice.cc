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

const std::map<std::string, std::string, std::less<>>& Steps() {
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
       "--config FILE --token NAME`; the old one is not tried again, so that it cannot lock the "
       "HSM"},
      {"state_unusable", "make `stateDir` writable for mortise and see that its disk has room"},
      {"wrap_limit",
       "raise `wrapLimit` if it is below 268435456; else the keyring needs its next generation, "
       "which `key rotate` of a later release makes"},
      {"config", "run `mortise config check --config FILE`"},
      {"permission", "run `mortise config check --config FILE` as the user that serves"}};
  return kSteps;
}

bool HasNextStep(const std::string& reason) {
  return Steps().contains(reason);
}

// What to do about a reason that a keyring or a token is stopped by.
std::string NextStep(const std::string& reason) {
  const auto found = Steps().find(reason);
  return found == Steps().end()
             ? "read mortise's log for the failing call; docs/errors.md explains "
               "each reason"
             : found->second;
}

bool HasTokenUp(const Json& keyring) {
  for (const Json& token : keyring.at("tokens")) {
    if (token.value("up", false)) return true;
  }
  return false;
}

// Why a token is down, else the reason of its last failure; empty when it has had none.
std::string ReasonOf(const Json& statusz, const Json& down) {
  const std::string token = down.value("name", "");
  if (const std::string reason = down.value("problemReason", ""); !reason.empty()) return reason;
  for (const Json& error : statusz.at("lastErrors")) {
    if (error.value("token", "") == token) return error.value("reason", "");
  }
  return "";
}

std::string NextStepForKeyring(const Json& keyring) {
  const std::string name = keyring.value("name", "");
  if (keyring.at("fatal").is_object()) return NextStep(keyring.at("fatal").value("reason", ""));
  for (const Json& token : keyring.at("tokens")) {
    // No worker comes up before an operator did something.
    const std::string reason = token.value("problemReason", "");
    if (!HasTokenUp(keyring) && HasNextStep(reason)) return NextStep(reason);
  }
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
                                 token.value("problem", ""), NextStep(ReasonOf(statusz, token))));
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
