// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "cli/command.h"
#include "cli/duration_option.h"
#include "cli/load.h"
#include "cli/output.h"

namespace mortise::cli {
namespace {

struct BenchOptions {
  std::string socket;
  std::string rpc;
  int callers = 64;
  int connections = 0;
  std::chrono::milliseconds duration = std::chrono::seconds(5);
  std::uint64_t calls = 0;
  std::chrono::milliseconds timeout = std::chrono::seconds(3);
  int distinct = 64;
  OutputFormat format = OutputFormat::kTable;
};

const std::map<std::string, Rpc> kRpcs = {
    {"status", Rpc::kStatus}, {"encrypt", Rpc::kEncrypt}, {"decrypt", Rpc::kDecrypt}};

// A kube-apiserver has one connection per provider entry; a handful of apiservers or
// entries is the most that one plugin sees.
constexpr int kMostConnectionsByDefault = 4;

double Micros(std::chrono::nanoseconds duration) {
  return std::round(static_cast<double>(duration.count()) / 100) / 10;
}

nlohmann::ordered_json ToJson(const LoadResult& result, int connections) {
  const double seconds = std::chrono::duration<double>(result.elapsed).count();
  const double rate = static_cast<double>(result.latency.count()) / seconds;
  return {{"callsPerSecond", std::round(rate * 10) / 10},
          {"calls", result.calls},
          {"failed", result.failed},
          {"p50Us", Micros(result.latency.Percentile(50))},
          {"p90Us", Micros(result.latency.Percentile(90))},
          {"p99Us", Micros(result.latency.Percentile(99))},
          {"p999Us", Micros(result.latency.Percentile(99.9))},
          {"maxUs", Micros(result.latency.max())},
          {"connections", connections},
          {"seconds", std::round(seconds * 1000) / 1000},
          {"errors", result.errors}};
}

void PrintResult(const nlohmann::ordered_json& json) {
  std::vector<Row> rows;
  for (const auto& [name, value] : json.items()) {
    if (name != "errors") rows.push_back({name, value.dump()});
  }
  for (const auto& [code, count] : json["errors"].items()) rows.push_back({code, count.dump()});
  PrintTable(rows);
}

ExitCode Measure(const BenchOptions& options) {
  const int connections = std::min(
      options.callers, options.connections > 0 ? options.connections : kMostConnectionsByDefault);
  const LoadResult result = Drive({.address = SocketAddress(options.socket),
                                   .rpc = kRpcs.at(options.rpc),
                                   .callers = options.callers,
                                   .connections = connections,
                                   .duration = options.duration,
                                   .calls = options.calls,
                                   .timeout = options.timeout,
                                   .distinct = options.distinct});
  const auto json = ToJson(result, connections);
  if (options.format == OutputFormat::kJson) {
    PrintJson(json);
  } else {
    PrintResult(json);
  }
  if (result.failed == 0) return ExitCode::kOk;
  std::cerr << fmt::format("mortise: {} of {} calls failed, the first with {}\n", result.failed,
                           result.calls, Printable(result.first_error, 300));
  return ExitCode::kFailed;
}

ExitCode RunBench(const BenchOptions& options) {
  try {
    return Measure(options);
  } catch (const Unmeasurable& problem) {
    std::cerr << "mortise: " << problem.what() << '\n';
    return problem.exit_code();
  }
}

}  // namespace

void AddBench(CLI::App& app, Command& chosen) {
  const auto options = std::make_shared<BenchOptions>();
  CLI::App* command = AddCommand(
      app, "bench",
      "Drive a KMS v2 socket in a closed loop and say how fast it answers. Percentiles are of "
      "the calls that went well, to half a percent. Encrypt spends the keyring's wraps, "
      "and Mortise answers RESOURCE_EXHAUSTED beyond the keyring's maxWrapsPerSecond (0 = no "
      "limit).",
      "mortise bench --socket /run/mortise/prod/kms.sock --rpc decrypt --callers 64 "
      "--duration 5s");
  command->add_option("--socket", options->socket, "The plugin's Unix socket")->required();
  command->add_option("--rpc", options->rpc, "What to call: encrypt, decrypt or status")
      ->required()
      ->check(CLI::IsMember(std::vector<std::string>{"encrypt", "decrypt", "status"}));
  command->add_option("--callers", options->callers, "Calls under way at a time")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command
      ->add_option("--connections", options->connections,
                   "Connections that the callers share; by default one per caller, at most 4")
      ->check(CLI::Range(1, 1000));
  auto* duration = AddDuration(*command, "--duration", options->duration, "How long to go on");
  command->add_option("--calls", options->calls, "End after so many calls instead")
      ->check(CLI::PositiveNumber)
      ->excludes(duration);
  AddDuration(*command, "--timeout", options->timeout, "Deadline of one call");
  command
      ->add_option("--distinct", options->distinct,
                   "For decrypt: how many ciphertexts are made first and gone round")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  AddOutputOption(*command, options->format);
  command->callback([options, &chosen] { chosen = [options] { return RunBench(*options); }; });
}

}  // namespace mortise::cli
