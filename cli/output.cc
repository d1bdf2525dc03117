// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/bytes.h"

namespace mortise::cli {

void AddOutputOption(CLI::App& command, OutputFormat& format) {
  const auto set = [&format](const std::string& word) {
    if (word != "table" && word != "json") {
      throw CLI::ValidationError("--output", "must be table or json, not " + Printable(word));
    }
    format = word == "json" ? OutputFormat::kJson : OutputFormat::kTable;
  };
  command.add_option_function<std::string>("-o,--output", set, "table (default) or json")
      ->option_text("FORMAT");
}

void PrintJson(const nlohmann::ordered_json& value) {
  std::cout << value.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
}

std::string FormatTable(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

void PrintTable(const std::vector<Row>& rows) {
  std::cout << FormatTable(rows);
}

}  // namespace mortise::cli
