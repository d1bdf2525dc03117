// SPDX-License-Identifier: Apache-2.0
#include "base/version.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/output.h"

namespace mortise::cli {
namespace {

ExitCode PrintVersion(OutputFormat format) {
  nlohmann::ordered_json version = {
      {"schemaVersion", 1},           {"version", Version()},
      {"revision", Revision()},       {"protobuf", MORTISE_PROTOBUF_VERSION},
      {"grpc", MORTISE_GRPC_VERSION}, {"openssl", MORTISE_OPENSSL_VERSION}};
  if (format == OutputFormat::kJson) {
    PrintJson(version);
    return ExitCode::kOk;
  }
  version.erase("schemaVersion");
  std::vector<Row> rows;
  for (const auto& [name, value] : version.items()) rows.push_back({name, value});
  PrintTable(rows);
  return ExitCode::kOk;
}

}  // namespace

void AddVersion(CLI::App& app, Command& chosen) {
  const auto format = std::make_shared<OutputFormat>(OutputFormat::kTable);
  CLI::App* command =
      AddCommand(app, "version", "Say which build this is and what it was built with",
                 "mortise version -o json");
  AddOutputOption(*command, *format);
  command->callback([format, &chosen] { chosen = [format] { return PrintVersion(*format); }; });
}

}  // namespace mortise::cli
