// SPDX-License-Identifier: Apache-2.0
#include "cli/token_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/output.h"

namespace mortise::cli {
namespace {

using Json = nlohmann::ordered_json;

// The user's flags; the security officer's are the same four, four bits higher.
Json PinJson(CK_FLAGS flags) {
  return {{"countLow", (flags & CKF_USER_PIN_COUNT_LOW) != 0},
          {"finalTry", (flags & CKF_USER_PIN_FINAL_TRY) != 0},
          {"locked", (flags & CKF_USER_PIN_LOCKED) != 0},
          {"toBeChanged", (flags & CKF_USER_PIN_TO_BE_CHANGED) != 0}};
}

Json SessionsJson(const hsm::TokenDescription& token) {
  Json sessions = {{"max", nullptr}, {"open", nullptr}, {"free", nullptr}};
  if (token.open_sessions) sessions["open"] = *token.open_sessions;
  if (token.max_sessions != 0) sessions["max"] = token.max_sessions;
  if (token.max_sessions != 0 && token.open_sessions) {
    sessions["free"] =
        token.max_sessions > *token.open_sessions ? token.max_sessions - *token.open_sessions : 0;
  }
  return sessions;
}

Json TokenJson(const hsm::TokenDescription& token) {
  constexpr int kOfficerShift = 4;
  Json user_pin = {{"initialized", (token.flags & CKF_USER_PIN_INITIALIZED) != 0}};
  user_pin.update(PinJson(token.flags));
  user_pin.update({{"minSize", token.min_pin_size},
                   {"maxSize", token.max_pin_size == 0 ? Json() : Json(token.max_pin_size)}});
  return {{"label", token.label},
          {"serial", token.serial},
          {"manufacturer", token.manufacturer},
          {"model", token.model},
          {"firmware", token.firmware},
          {"initialized", (token.flags & CKF_TOKEN_INITIALIZED) != 0},
          {"flags", hsm::TokenFlagNames(token.flags)},
          {"sessions", SessionsJson(token)},
          {"userPin", user_pin},
          {"soPin", PinJson(token.flags >> kOfficerShift)}};
}

// The most urgent first. What a blank token says of its PINs means nothing.
std::string PinWords(const Json& token) {
  if (token["initialized"] == false) return "-";
  const Json& pin = token["userPin"];
  if (pin["locked"] == true) return "locked";
  if (pin["finalTry"] == true) return "final try";
  if (pin["countLow"] == true) return "count low";
  if (pin["initialized"] == false) return "not initialised";
  if (pin["toBeChanged"] == true) return "to be changed";
  return "good";
}

std::string SessionWords(const Json& sessions) {
  if (sessions["max"].is_null()) return "no limit told";
  const auto max = sessions["max"].get<std::uint64_t>();
  if (sessions["free"].is_null()) return fmt::format("? of {}", max);
  return fmt::format("{} of {}", sessions["free"].get<std::uint64_t>(), max);
}

// Those that no other column tells.
std::string FlagWords(const Json& flags) {
  std::vector<std::string> rest;
  for (const std::string flag : flags) {
    if (flag.find("_PIN_") == std::string::npos && flag != "TOKEN_INITIALIZED") {
      rest.push_back(flag);
    }
  }
  return fmt::format("{}", fmt::join(rest, ","));
}

std::string ConfiguredAs(const Json& module, const Json& slot) {
  std::vector<std::string> names;
  for (const Json& match : module["configuredTokens"]) {
    if (match["slot"] == slot["slot"]) names.push_back(match["token"]);
  }
  return names.empty() ? "-" : fmt::format("{}", fmt::join(names, ","));
}

Row RowOf(const Json& module, const Json& slot) {
  const std::string number = fmt::format("{}", slot["slot"].get<std::uint64_t>());
  const Json& token = slot["token"];
  if (slot["problem"] != "") {
    return {number, token.is_null() ? "(broken)" : token["label"].get<std::string>() + " (broken)"};
  }
  if (token.is_null()) return {number, "(no token)"};
  return {number,
          token["initialized"] == true ? token["label"].get<std::string>() : "(not initialised)",
          token["serial"].get<std::string>().empty() ? "-" : token["serial"].get<std::string>(),
          ConfiguredAs(module, slot),
          PinWords(token),
          SessionWords(token["sessions"]),
          token["manufacturer"],
          token["model"],
          token["firmware"],
          FlagWords(token["flags"])};
}

}  // namespace

Json ReportSlot(const hsm::SlotDescription& slot) {
  return {{"slot", slot.id},
          {"description", slot.description},
          {"token", slot.token ? TokenJson(*slot.token) : Json()},
          {"problem", slot.problem ? slot.problem->what() : ""}};
}

void PrintListing(const Json& modules) {
  for (const Json& module : modules) {
    if (module["problem"] != "") continue;
    std::cout << fmt::format("{} ({})\n", module["module"].get<std::string>(),
                             module["library"].get<std::string>());
    std::vector<Row> rows = {{"SLOT", "TOKEN", "SERIAL", "CONFIGURED AS", "USER PIN",
                              "FREE SESSIONS", "MANUFACTURER", "MODEL", "FIRMWARE", "FLAGS"}};
    for (const Json& slot : module["slots"]) rows.push_back(RowOf(module, slot));
    PrintTable(rows);
  }
}

}  // namespace mortise::cli
