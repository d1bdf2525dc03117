// SPDX-License-Identifier: Apache-2.0
#include "cli/status_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/output.h"

namespace mortise::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string Duration(double seconds) {
  const auto whole = static_cast<long>(seconds);
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  if (whole < 48 * 3600) return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
  return fmt::format("{} d {} h", whole / 86400, whole % 86400 / 3600);
}

std::string Age(const Json& seconds) {
  return seconds.is_number() ? Duration(seconds.get<double>()) + " ago" : "never";
}

std::string TextOr(const Json& text, const char* otherwise) {
  return text.is_string() ? text.get<std::string>() : otherwise;
}

// "a, b" of a list of texts or numbers.
std::string Joined(const Json& list) {
  std::vector<std::string> words;
  for (const Json& word : list) {
    words.push_back(word.is_string() ? word.get<std::string>() : word.dump());
  }
  return words.empty() ? "-" : fmt::format("{}", fmt::join(words, ", "));
}

std::string Indented(const std::string& text) {
  std::string indented;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1);
    indented += "  " + text.substr(at, end + 1 - at);
    at = end + 1;
  }
  return indented;
}

std::string Generations(const Json& generations) {
  std::vector<Row> rows = {
      {"GENERATION", "STATE", "SCHEME", "ACTIVATION", "WRAPS", "LAST UNWRAP", "TOKENS", "KEY_ID"}};
  for (const Json& g : generations) {
    rows.push_back(
        {g.at("generation").dump(), g.value("state", ""), g.value("scheme", ""),
         g.value("activation", ""), g.at("wraps").dump() + " of " + g.at("wrapLimit").dump(),
         TextOr(g.at("lastUnwrap"), "never"), Joined(g.at("tokens")), g.value("keyId", "")});
  }
  return FormatTable(rows);
}

std::string Tokens(const Json& tokens) {
  std::vector<Row> rows = {
      {"TOKEN", "HEALTH", "LAST PROOF", "SESSIONS", "QUEUE", "WORKERS", "DEVICE"}};
  for (const Json& t : tokens) {
    rows.push_back({t.value("name", ""), t.value("up", false) ? "up" : "DOWN",
                    Age(t.at("lastProofAgeSeconds")), t.at("sessions").dump(),
                    t.at("queueLength").dump(), Joined(t.at("workerPids")),
                    t.value("manufacturer", "") + " " + t.value("model", "")});
  }
  return FormatTable(rows);
}

// One line for each token with a certificate: what is stated, and how that compares.
std::string Assurance(const Json& token) {
  const auto found = token.find("assurance");
  if (found == token.end() || !found->is_object()) return {};
  const Json& stated = found->at("stated");
  std::string text =
      "token " + token.value("name", "") + ", as stated: " + stated.value("standard", "");
  for (const auto& [key, word] :
       {std::pair{"level", "level"}, std::pair{"certificate", "certificate"},
        std::pair{"mode", "mode"}, std::pair{"firmware", "firmware"},
        std::pair{"validUntil", "valid until"}}) {
    if (const std::string value = stated.value(key, ""); !value.empty())
      text += fmt::format(", {} {}", word, value);
  }
  if (found->value("ended", false)) text += " (ENDED)";
  const std::string firmware = found->at("reported").value("firmware", "");
  text += "; as the token reports: " + (firmware.empty() ? "nothing yet" : "firmware " + firmware);
  const Json& matches = found->at("firmwareMatches");
  if (matches.is_boolean()) text += matches.get<bool>() ? " (matches)" : " (DIFFERS)";
  return text + "\n";
}

std::string Waivers(const Json& token) {
  const auto waived = token.find("waived");
  if (waived == token.end() || waived->empty()) return {};
  return "token " + token.value("name", "") + ", waived: " + Joined(*waived) + "\n";
}

std::string AboutTokens(const Json& tokens) {
  std::string text;
  for (const Json& token : tokens) text += Assurance(token) + Waivers(token);
  return text.empty() ? text : "\n" + Indented(text);
}

// Unwrapping is what readiness is about; who asks a person's question wants both.
std::string Readiness(const Json& keyring) {
  if (!keyring.value("ready", false)) return "NOT READY";
  const auto refusal = keyring.find("wrapRefusal");
  return refusal != keyring.end() && refusal->is_object()
             ? "ready for unwrapping, NOT READY for wrapping"
             : "ready";
}

std::string OverallReadiness(const Json& statusz) {
  if (!statusz.value("ready", false)) return "NOT READY";
  for (const Json& keyring : statusz.at("keyrings")) {
    if (const std::string one = Readiness(keyring); one != "ready") return one;
  }
  return "ready";
}

std::string Keyring(const Json& keyring) {
  return fmt::format(
      "\nkeyring {}: {}\n  active key: {}\n  last proof: {} (worth {:.0f} s)\n\n{}\n{}{}",
      keyring.value("name", ""), Readiness(keyring), TextOr(keyring.at("activeKeyId"), "none yet"),
      Age(keyring.at("lastProofAgeSeconds")), keyring.value("stalenessSeconds", 0.0),
      Indented(Generations(keyring.at("generations"))), Indented(Tokens(keyring.at("tokens"))),
      AboutTokens(keyring.at("tokens")));
}

std::string LastErrors(const Json& errors) {
  std::vector<Row> rows;
  for (const Json& e : errors) {
    rows.push_back({e.value("time", ""), "token " + e.value("token", ""), e.value("operation", ""),
                    e.value("reason", ""), "CKR " + e.value("ckr", "")});
  }
  return rows.empty() ? "" : "\nlast error of each token:\n" + Indented(FormatTable(rows));
}

}  // namespace

std::string StatusReport(const Json& statusz) {
  std::string text =
      fmt::format("mortise {} ({}), pid {}, up {}: {}\n", statusz.value("version", ""),
                  statusz.value("revision", ""), statusz.value("pid", 0),
                  Duration(statusz.value("uptimeSeconds", 0.0)), OverallReadiness(statusz));
  for (const Json& keyring : statusz.at("keyrings")) text += Keyring(keyring);
  text += LastErrors(statusz.at("lastErrors"));
  const std::vector<std::string> advice = Advice(statusz);
  if (!advice.empty()) text += "\nwhat is wrong, and what to do:\n";
  for (const std::string& line : advice) text += Indented(line + "\n");
  return text;
}

}  // namespace mortise::cli
