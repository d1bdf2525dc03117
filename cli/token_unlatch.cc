// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>

#include "cli/audit.h"
#include "cli/command.h"
#include "config/loader.h"
#include "hsm/opened_token.h"
#include "hsm/worker/pin_latch.h"

namespace mortise::cli {
namespace {

struct Options {
  std::string config, token;
};

ExitCode Unlatch(const Options& options) {
  const config::Config config = config::Load(options.config);
  if (std::ranges::find(config.tokens, options.token, &config::Token::name) ==
      config.tokens.end()) {
    throw Error(Reason::kConfig, "the configuration has no token " + Printable(options.token) +
                                     "; see `mortise config show`");
  }
  // The file is found by the token's name; the serial is only written into new records.
  bool was_latched = false;
  for (const std::string& name : hsm::Credentials::LatchNames(options.token)) {
    hsm::PinLatch latch(config.state_dir, name, "");
    if (std::filesystem::exists(latch.path())) was_latched |= latch.Unlatch();
  }
  if (!was_latched) {
    std::cout << "token " << options.token << ": no PIN was rejected; nothing was changed\n";
    return ExitCode::kOk;
  }
  Audit(config.log, {.severity = hsm::Severity::kWarning,
                     .name = "pin_unlatched",
                     .message = "an operator allowed the token's PIN to be tried once more",
                     .fields = {{"token", options.token}}});
  std::cout << "token " << options.token
            << ": its PIN may be tried once more; the service does so by itself\n";
  return ExitCode::kOk;
}

}  // namespace

void AddTokenUnlatch(CLI::App& group, Command& chosen) {
  const auto options = std::make_shared<Options>();
  CLI::App* command =
      AddCommand(group, "unlatch", "Allow a PIN that was rejected to be tried once more",
                 "mortise token unlatch --config /etc/mortise/mortise.yaml --token hsm-a");
  command->add_option("--config", options->config, "The configuration file")
      ->required()
      ->option_text("FILE");
  command->add_option("--token", options->token, "The token's name in the configuration")
      ->required();
  command->callback([options, &chosen] { chosen = [options] { return Unlatch(*options); }; });
}

}  // namespace mortise::cli
