// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/duration_option.h"
#include "cli/kms_probe.h"
#include "cli/output.h"

namespace mortise::cli {
namespace {

struct ProbeFlags {
  std::string socket;
  std::chrono::milliseconds timeout = std::chrono::seconds(3);
  std::chrono::milliseconds wait{};
  OutputFormat format = OutputFormat::kTable;
};

double Milliseconds(std::chrono::nanoseconds duration) {
  return static_cast<double>(duration.count() / 1000) / 1000;
}

nlohmann::ordered_json ToJson(const ProbeReport& report, const std::string& socket) {
  auto checks = nlohmann::ordered_json::array();
  for (const ProbeCheck& check : report.checks) {
    nlohmann::ordered_json entry = {{"id", check.id},
                                    {"result", check.passed() ? "success" : "error"},
                                    {"observed", check.observed}};
    if (!check.passed()) entry["hint"] = check.hint;
    if (check.took) entry["durationMs"] = Milliseconds(*check.took);
    checks.push_back(std::move(entry));
  }
  return {{"schemaVersion", 1},
          {"success", report.healthy()},
          {"socket", socket},
          {"version", report.status.version},
          {"healthz", report.status.healthz},
          {"keyId", report.status.key_id},
          {"ciphertextBytes", report.ciphertext_bytes},
          {"annotations", report.annotations},
          {"checks", std::move(checks)}};
}

void PrintReport(const ProbeReport& report) {
  std::vector<Row> rows;
  for (const ProbeCheck& check : report.checks) {
    rows.push_back({check.passed() ? "ok" : "FAILED", check.id,
                    check.took ? fmt::format("{:.2f} ms", Milliseconds(*check.took)) : "",
                    check.observed});
  }
  PrintTable(rows);
  if (report.healthy()) std::cout << "healthy: kube-apiserver can use this plugin\n";
  for (const ProbeCheck& check : report.checks) {
    if (!check.passed()) {
      std::cerr << "mortise: " << check.id << ": " << check.observed << "\n  " << check.hint
                << '\n';
    }
  }
}

ExitCode RunProbe(const ProbeFlags& flags) {
  const ProbeReport report =
      Probe({.address = SocketAddress(flags.socket), .timeout = flags.timeout, .wait = flags.wait});
  if (flags.format == OutputFormat::kJson) {
    PrintJson(ToJson(report, flags.socket));
  } else {
    PrintReport(report);
  }
  return report.exit_code;
}

}  // namespace

void AddProbe(CLI::App& app, Command& chosen) {
  const auto flags = std::make_shared<ProbeFlags>();
  CLI::App* command = AddCommand(
      app, "probe",
      "Ask any KMS v2 plugin what kube-apiserver asks (Status, Encrypt, Decrypt) and judge the "
      "answers. Exit code 0: healthy; 1: a check failed; 6: the plugin is UNAVAILABLE; 7: this "
      "user is not let in; 124: no answer in time.",
      "mortise probe --socket /run/mortise/prod/kms.sock\n"
      "mortise probe --socket unix:///run/mortise/prod/kms.sock --wait 30s -o json");
  command->add_option("--socket", flags->socket, "The plugin's Unix socket")->required();
  AddDuration(*command, "--timeout", flags->timeout, "Deadline of each call");
  AddDuration(*command, "--wait", flags->wait, "Go on asking this long until Status is healthy",
              std::chrono::milliseconds(0));
  AddOutputOption(*command, flags->format);
  command->callback([flags, &chosen] { chosen = [flags] { return RunProbe(*flags); }; });
}

}  // namespace mortise::cli
