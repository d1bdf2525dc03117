// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/token_process.h"
#include "cli/token_target.h"
#include "hsm/cryptoki/session.h"
#include "hsm/cryptoki/slot.h"
#include "hsm/opened_token.h"
#include "hsm/state_dir.h"
#include "hsm/worker/login.h"

namespace mortise::cli {
namespace {

using Json = nlohmann::ordered_json;

struct VerifyOptions {
  std::string config, token;
  bool verify = false;
};

// A try that may be the last one is a person's to make, with the vendor's tool.
void RequireTriesLeft(const config::Token& token, CK_FLAGS flags) {
  const bool is_officer = token.user_type == "so";
  const bool locked = (flags & (is_officer ? CKF_SO_PIN_LOCKED : CKF_USER_PIN_LOCKED)) != 0;
  const bool final_try =
      (flags & (is_officer ? CKF_SO_PIN_FINAL_TRY : CKF_USER_PIN_FINAL_TRY)) != 0;
  if (!locked && !final_try) return;
  throw Error(Reason::kPinRejected,
              "token " + token.name + ": it says that the PIN " +
                  (locked ? "is locked" : "has one try left") +
                  "; it was not sent. The security officer can give a new one: "
                  "`mortise token pin set`");
}

// As a worker logs in: through the latch, so that a PIN that was rejected is not sent.
Json LogInOnce(const config::Token& token, const std::string& state_dir) {
  const hsm::Module module(token.module, token.init_args);
  const CK_SLOT_ID slot = hsm::FindToken(module, token.uri);
  const CK_FLAGS flags = hsm::DescribeToken(module, slot).flags;
  RequireTriesLeft(token, flags);
  const hsm::Session session(module, slot, token.read_write_sessions);
  hsm::LogIn(module, slot, session, hsm::Credentials::ToServe(token).ForLogin(token, state_dir));
  return {{"wasCountLow", (flags & CKF_USER_PIN_COUNT_LOW) != 0}};
}

ExitCode Verify(const VerifyOptions& options) {
  if (options.config.empty() || options.token.empty()) {
    throw Error(Reason::kConfig,
                "--verify tries the PIN that the service has: give --config FILE and --token NAME");
  }
  const TokenTarget target = TokenTarget::Of({.config = options.config, .token = options.token});
  if (target.token.login != config::Login::kPin) {
    throw Error(Reason::kConfig,
                "token " + target.token.name + ": its login is none, so there is no PIN to verify");
  }
  const hsm::StateDir state_dir(target.config->state_dir);
  const Json done = RunForToken(target.token, target.token.start_timeout,
                                [&] { return LogInOnce(target.token, state_dir.path()); });
  std::cout << "token " << target.token.name << ": it takes the PIN of " << target.token.pin_file
            << (done.at("wasCountLow") == true ? "; a wrong one had been tried before" : "")
            << '\n';
  return ExitCode::kOk;
}

}  // namespace

void AddTokenPin(CLI::App& group, Command& chosen) {
  const auto options = std::make_shared<VerifyOptions>();
  CLI::App* command =
      AddCommand(group, "pin", "Set or change a token's user PIN, or verify the service's",
                 "mortise token pin --verify --config /etc/mortise/mortise.yaml --token hsm-a");
  command->require_subcommand(0, 1);
  command->add_flag("--verify", options->verify,
                    "Log in once with the service's PIN, unless it was rejected before or one "
                    "try is left");
  command->add_option("--config", options->config, "With --verify: the configuration file")
      ->option_text("FILE");
  command->add_option("--token", options->token,
                      "With --verify: the token's name in the configuration");
  AddTokenPinChange(*command, chosen);
  AddTokenPinSet(*command, chosen);
  command->callback([command, options, &chosen] {
    if (!command->get_subcommands().empty()) return;
    if (options->verify) chosen = [options] { return Verify(*options); };
  });
}

}  // namespace mortise::cli
