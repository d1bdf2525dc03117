// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace mortise::cli {
namespace {

using doctor::Check;
using doctor::CheckStatus;
using Json = nlohmann::ordered_json;

constexpr int kSchemaVersion = 1;

struct Glyph {
  const char* text;
  const char* colour;
};

Glyph GlyphOf(CheckStatus status) {
  switch (status) {
    case CheckStatus::kPass:
      return {"√", "\033[32m"};
    case CheckStatus::kWarning:
      return {"‼", "\033[33m"};
    case CheckStatus::kFail:
      return {"×", "\033[31m"};
    case CheckStatus::kSkip:
      return {"-", "\033[2m"};
  }
  return {"×", "\033[31m"};
}

auto Count(const std::vector<Check>& checks, CheckStatus status) {
  return std::ranges::count(checks, status, &Check::status);
}

std::string Plural(std::ptrdiff_t count, const std::string& noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string Sum(const std::vector<Check>& checks) {
  return fmt::format("{}, {}, {} passed, {} skipped\n",
                     Plural(Count(checks, CheckStatus::kFail), "failure"),
                     Plural(Count(checks, CheckStatus::kWarning), "warning"),
                     Count(checks, CheckStatus::kPass), Count(checks, CheckStatus::kSkip));
}

}  // namespace

ExitCode Verdict(const std::vector<Check>& checks, bool is_strict) {
  if (Count(checks, CheckStatus::kFail) > 0) return ExitCode::kFailed;
  const bool has_warnings = Count(checks, CheckStatus::kWarning) > 0;
  return is_strict && has_warnings ? ExitCode::kWarnings : ExitCode::kOk;
}

Json DoctorJson(const std::vector<Check>& checks) {
  Json categories = Json::array();
  for (const Check& check : checks) {
    if (categories.empty() || categories.back()["name"] != check.category) {
      categories.push_back({{"name", check.category}, {"checks", Json::array()}});
    }
    categories.back()["checks"].push_back({{"id", check.id},
                                           {"status", doctor::Name(check.status)},
                                           {"what", check.what},
                                           {"hint", check.hint}});
  }
  return {{"schemaVersion", kSchemaVersion},
          {"success", Count(checks, CheckStatus::kFail) == 0},
          {"categories", std::move(categories)}};
}

std::string DoctorTable(const std::vector<Check>& checks, bool has_colours) {
  std::string text, category;
  for (const Check& check : checks) {
    if (check.category != category) {
      text += fmt::format("{}{}\n", category.empty() ? "" : "\n", check.category);
      category = check.category;
    }
    const Glyph glyph = GlyphOf(check.status);
    const std::string shown =
        has_colours ? fmt::format("{}{}\033[0m", glyph.colour, glyph.text) : glyph.text;
    text += fmt::format("  {} {}: {}\n", shown, check.id, check.what);
    if (!check.hint.empty()) text += fmt::format("      {}\n", check.hint);
  }
  return text + "\n" + Sum(checks);
}

}  // namespace mortise::cli
