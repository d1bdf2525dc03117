// SPDX-License-Identifier: Apache-2.0
#include "cli/duration_option.h"

#include <CLI/CLI.hpp>

#include "config/duration.h"

namespace mortise::cli {

CLI::Option* AddDuration(CLI::App& command, const std::string& names,
                         std::chrono::milliseconds& value, const std::string& description,
                         std::chrono::milliseconds least) {
  const auto take = [&value](const std::string& text) { value = *config::ParseDuration(text); };
  const auto check = [least](const std::string& text) -> std::string {
    const auto parsed = config::ParseDuration(text);
    if (!parsed) return "'" + text + "' is not a duration; write 250ms, 5s or 1m30s";
    if (*parsed < least)
      return "'" + text + "' is too short; the least is " + config::FormatDuration(least);
    return {};
  };
  return command.add_option_function<std::string>(names, take, description)
      ->check(CLI::Validator(check, ""))
      ->type_name("DURATION")
      ->default_str(config::FormatDuration(value));
}

}  // namespace mortise::cli
