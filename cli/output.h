// SPDX-License-Identifier: Apache-2.0
// Data goes to stdout in the form that -o names; messages go to stderr.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace mortise::cli {

enum class OutputFormat { kTable, kJson };

// Adds `-o, --output table|json`; `format` must live until the command has run.
void AddOutputOption(CLI::App& command, OutputFormat& format);

// Indented, and a line feed at the end. Text that is not UTF-8 is replaced, never thrown at.
void PrintJson(const nlohmann::ordered_json& value);

// Columns as wide as their widest cell, two blanks between, none at a line's end.
using Row = std::vector<std::string>;
std::string FormatTable(const std::vector<Row>& rows);
void PrintTable(const std::vector<Row>& rows);

}  // namespace mortise::cli
