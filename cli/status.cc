// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/duration_option.h"
#include "cli/http_get.h"
#include "cli/output.h"
#include "cli/status_report.h"
#include "cli/status_url.h"
#include "cli/statusz_page.h"
#include "config/loader.h"

namespace mortise::cli {
namespace {

using Json = nlohmann::ordered_json;

struct StatusOptions {
  std::string url;
  std::string config;
  std::chrono::milliseconds timeout = std::chrono::seconds(5);
  OutputFormat format = OutputFormat::kTable;
};

ExitCode Show(const StatusOptions& options) {
  const std::string url =
      options.url.empty() ? StatusUrl(config::LoadMetricsAddress(options.config)) : options.url;
  const HttpUrl parsed(url);
  Json statusz;
  try {
    statusz = FetchStatusz(parsed, options.timeout);
  } catch (const Error& error) {
    std::cerr << fmt::format("mortise: {}: {}\n", url, error.what());
    if (error.reason() != Reason::kUnavailable) return ExitCodeFor(error.reason());
    std::cerr << "mortise: nothing serves there: see that `mortise serve` runs and that this is "
                 "its metrics.address; `mortise doctor --config FILE` finds out why it does not\n";
    return ExitCode::kFailed;  // the HSM may be well
  }
  if (options.format == OutputFormat::kJson) {
    PrintJson(statusz);
  } else {
    std::cout << StatusReport(statusz);
  }
  return Verdict(statusz);
}

}  // namespace

void AddStatus(CLI::App& app, Command& chosen) {
  const auto options = std::make_shared<StatusOptions>();
  CLI::App* command = AddCommand(
      app, "status",
      "Show keyrings, keys, tokens and what to do about what is wrong. Exits with 0 (ready), "
      "1 (not ready, or not running), 6 (no token of a keyring is up) or 124 (timed out)",
      "mortise status --config /etc/mortise/mortise.yaml\n"
      "mortise status --url http://127.0.0.1:9464 -o json");
  CLI::Option* url =
      command
          ->add_option("--url", options->url, "Where metrics are served; its path does not matter")
          ->option_text("URL");
  command->add_option("--config", options->config, "The configuration that names metrics.address")
      ->option_text("FILE")
      ->excludes(url);
  AddDuration(*command, "--timeout", options->timeout, "How long to wait for an answer");
  AddOutputOption(*command, options->format);
  command->callback([options, &chosen] {
    if (options->url.empty() && options->config.empty())
      throw CLI::RequiredError("--url or --config");
    chosen = [options] { return Show(*options); };
  });
}

}  // namespace mortise::cli
