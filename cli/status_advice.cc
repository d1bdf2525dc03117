// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "cli/status_report.h"

namespace mortise::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kWrapsToWarnAt = 0.8;

// By the reason; {} is the token's name.
const std::map<std::string, std::string, std::less<>>& Steps() {
  static const std::map<std::string, std::string, std::less<>> kSteps = {
      {"key_missing",
       "restore the key in the token, or check that `uri` names the right token; "
       "`mortise key list --config FILE` shows what each token holds"},
      {"key_foreign",
       "another key has this one's name: compare the tokens with `mortise key list "
       "--config FILE` and remove the stranger"},
      {"key_quarantined", "an operator stopped this key; nothing decrypts until it is released"},
      {"key_refused",
       "mend the key's attributes, or waive one by name in `policy`; `mortise key list --config "
       "FILE` shows them"},
      {"pin_rejected",
       "write the right PIN to `pinFile`, or, when it is right, run `mortise token unlatch "
       "--config FILE --token {}`; the old one is not tried again, so that it cannot lock the "
       "HSM"},
      {"state_unusable", "make `stateDir` writable for mortise and see that its disk has room"},
      {"wrap_limit",
       "raise `wrapLimit` if it is below 268435456; else the keyring needs its next generation, "
       "which `key rotate` of a later release makes"},
      {"config", "run `mortise config check --config FILE`"},
      {"permission", "run `mortise config check --config FILE` as the user that serves"}};
  return kSteps;
}

// By what the problem says, where its reason alone would lead astray: a mistake in the
// configuration looks to the library like a token that is away.
struct Cure {
  std::string_view problem, step;
};
constexpr std::array<Cure, 6> kCures = {
    {{"no token matches",
      "let tokens[].uri name a token that the module shows; workers see only "
      "tokens[].environment, so SoftHSM2 needs its SOFTHSM2_CONF there; then restart mortise"},
     {" tokens match ",
      "add serial= to tokens[].uri so that one token matches, then restart mortise"},
     {"cannot load the PKCS#11 module",
      "correct tokens[].module or install the vendor's client, then restart mortise"},
     {"is not a PKCS#11 module",
      "let tokens[].module name the vendor's PKCS#11 library, then restart mortise"},
     {"damaged (", "restore that file from a backup, or see docs/state-folder.md"},
     {"written by a newer version", "run that newer version of mortise again"}}};

// What to do about something that stops a keyring or a token.
std::string NextStep(const std::string& problem, const std::string& reason,
                     const std::string& token = "NAME") {
  for (const Cure& cure : kCures) {
    if (problem.find(cure.problem) != problem.npos) return std::string(cure.step);
  }
  if (const auto found = Steps().find(reason); found != Steps().end())
    return fmt::format(fmt::runtime(found->second), token);
  if (reason == "unavailable" || reason.empty()) {
    return "check the HSM, the network to it and its client's daemon; mortise connects by itself "
           "once they are back";
  }
  return "read mortise's log for the failing call; docs/errors.md explains each reason";
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

// Null in a keyring that may wrap, and in the page of a mortise that does not tell.
const Json& WrapRefusal(const Json& keyring) {
  static const Json kNone;
  const auto found = keyring.find("wrapRefusal");
  return found == keyring.end() ? kNone : *found;
}

std::string MessageOf(const Json& trouble) {
  return trouble.is_object() ? trouble.value("message", "") : "";
}

std::string NextStepForKeyring(const Json& keyring) {
  for (const Json& trouble : {keyring.at("fatal"), WrapRefusal(keyring)}) {
    if (trouble.is_object())
      return NextStep(trouble.value("message", ""), trouble.value("reason", ""));
  }
  if (keyring.at("generations").empty()) {
    return fmt::format(
        "make its first key: mortise key create --config FILE --admin-config "
        "ADMIN-FILE --keyring {}; or with discovery: file, list it in keysFile as the token shows "
        "it (mortise doctor --only key)",
        keyring.value("name", ""));
  }
  return "ask again in half a minute: a key serves once its time has come and a token has opened "
         "its canary; `problem` of a generation says what else holds it back";
}

void AdviseOnKeyring(const Json& keyring, std::vector<std::string>& advice) {
  const std::string name = keyring.value("name", "");
  const Json& refusal = WrapRefusal(keyring);
  if (!keyring.value("ready", false)) {
    // Else what ails its tokens says it all.
    if (HasTokenUp(keyring) || keyring.at("fatal").is_object() || refusal.is_object()) {
      advice.push_back(fmt::format("keyring {} is not ready: {}\n  next: {}", name,
                                   keyring.value("problem", ""), NextStepForKeyring(keyring)));
    }
  } else if (refusal.is_object()) {
    advice.push_back(fmt::format("keyring {} wraps nothing, so writes fail: {}\n  next: {}", name,
                                 refusal.value("message", ""), NextStepForKeyring(keyring)));
  }
}

// Each token once, however many keyrings use it.
void AdviseOnTokens(const Json& statusz, const Json& keyring, std::set<std::string>& told,
                    std::vector<std::string>& advice) {
  for (const Json& token : keyring.at("tokens")) {
    const std::string name = token.value("name", "");
    if (token.value("up", false) || !told.insert(name).second) continue;
    const std::string problem = token.value("problem", "");
    advice.push_back(fmt::format("token {} is down: {}\n  next: {}", name,
                                 problem.empty() ? "no worker is ready yet" : problem,
                                 NextStep(problem, ReasonOf(statusz, token), name)));
  }
}

// Stated facts that no longer hold. They stop nothing, and an auditor will ask.
void AdviseOnAssurance(const Json& keyring, std::set<std::string>& told,
                       std::vector<std::string>& advice) {
  for (const Json& token : keyring.at("tokens")) {
    const auto assurance = token.find("assurance");
    const std::string name = token.value("name", "");
    if (assurance == token.end() || !assurance->is_object() || !told.insert(name).second) continue;
    const Json& stated = assurance->at("stated");
    if (assurance->value("ended", false)) {
      advice.push_back(fmt::format(
          "the certificate stated for token {} was valid until {}\n  next: see whether the vendor "
          "has a newer one, and correct tokens[].assurance",
          name, stated.value("validUntil", "")));
    }
    if (assurance->at("firmwareMatches") == false) {
      advice.push_back(fmt::format(
          "token {} reports firmware {}, but its certificate is stated to be for {}\n  next: ask "
          "the vendor for the certificate of that firmware, and correct tokens[].assurance",
          name, assurance->at("reported").value("firmware", ""), stated.value("firmware", "")));
    }
  }
}

void AdviseOnGenerations(const Json& keyring, std::vector<std::string>& advice) {
  for (const Json& generation : keyring.at("generations")) {
    const std::string key_id = generation.value("keyId", "");
    const std::string problem = generation.value("problem", "");
    // The active key's problem may be why nothing is wrapped, which has been said.
    if (!problem.empty() && MessageOf(WrapRefusal(keyring)) != problem) {
      advice.push_back(fmt::format("key {} is {}: {}\n  next: {}", key_id,
                                   generation.value("state", ""), problem,
                                   "compare with `mortise key list --config FILE`"));
    }
    const double limit = generation.value("wrapLimit", 0.0);
    if (limit > 0 && generation.value("wraps", 0.0) >= kWrapsToWarnAt * limit) {
      advice.push_back(fmt::format("key {} has spent {:.0f} of {:.0f} wraps\n  next: {}", key_id,
                                   generation.value("wraps", 0.0), limit,
                                   NextStep("", "wrap_limit")));
    }
  }
}

}  // namespace

ExitCode Verdict(const Json& statusz) {
  ExitCode verdict = ExitCode::kOk;
  for (const Json& keyring : statusz.at("keyrings")) {
    if (keyring.value("ready", false)) {
      if (WrapRefusal(keyring).is_object()) verdict = ExitCode::kFailed;
      continue;
    }
    if (!keyring.at("fatal").is_object() && !HasTokenUp(keyring)) return ExitCode::kHsmUnreachable;
    verdict = ExitCode::kFailed;
  }
  return verdict;
}

std::vector<std::string> Advice(const Json& statusz) {
  std::vector<std::string> advice;
  std::set<std::string> told, told_assurance;
  for (const Json& keyring : statusz.at("keyrings")) {
    AdviseOnKeyring(keyring, advice);
    AdviseOnTokens(statusz, keyring, told, advice);
    AdviseOnAssurance(keyring, told_assurance, advice);
    AdviseOnGenerations(keyring, advice);
  }
  return advice;
}

}  // namespace mortise::cli
