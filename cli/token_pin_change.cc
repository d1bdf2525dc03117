// SPDX-License-Identifier: Apache-2.0
// `token pin set` and `token pin change`: a new PIN for the user.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/audit.h"
#include "cli/command.h"
#include "cli/token_process.h"
#include "cli/token_prompt.h"
#include "cli/token_target.h"
#include "hsm/opened_token.h"
#include "hsm/state_dir.h"
#include "hsm/worker/pin_latch.h"

namespace mortise::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kPinFile = "--pin-file";
constexpr const char* kSoPinFile = "--so-pin-file";
constexpr const char* kNewPinFile = "--new-pin-file";

struct Options {
  TokenOptions token;
  std::string pin_file, so_pin_file, new_pin_file;
};

Json Set(const TokenTarget& target, const SecretBytes& so_pin, const SecretBytes& new_pin) {
  const FoundToken found = FindTarget(target);
  RequireFits(new_pin, found);
  hsm::SetUserPin(found.name, so_pin, new_pin);
  return {{"serial", found.name.serial}};
}

// The old PIN goes through the service's latch: what it holds for rejected is not sent, and
// no worker logs in meanwhile.
void ChangeLatched(const FoundToken& found, const config::Token& token,
                   const std::string& state_dir, const SecretBytes& pin,
                   const SecretBytes& new_pin) {
  hsm::PinLatch latch(state_dir, hsm::Credentials::ToServe(token).latch_name, found.name.serial);
  hsm::PinLatch::Attempt attempt = latch.Begin(
      pin.view(),
      {.count_low = found.count_low, .final_try = found.final_try, .locked = found.locked});
  try {
    hsm::ChangeUserPin(found.name, pin, new_pin);
  } catch (const Error& error) {
    const bool judged = error.reason() == Reason::kPinRejected && error.ckr() != 0 &&
                        !hsm::IsAboutNewPin(error.ckr());
    judged ? attempt.Rejected(error.ckr()) : attempt.NotJudged();
    throw;
  }
  attempt.Succeeded();
}

Json Change(const TokenTarget& target, const std::string& state_dir, const SecretBytes& pin,
            const SecretBytes& new_pin) {
  const FoundToken found = FindTarget(target);
  RequireFits(new_pin, found);
  if (target.config) {
    ChangeLatched(found, target.token, state_dir, pin, new_pin);
  } else {
    hsm::ChangeUserPin(found.name, pin, new_pin);
  }
  return {{"serial", found.name.serial}};
}

void Tell(const TokenTarget& target, const Json& done, std::string_view event,
          const std::string& what, const std::string& new_pin_file) {
  Audit(target.config ? target.config->log : config::Log{},
        {.severity = hsm::Severity::kWarning,
         .name = event,
         .message = "an operator gave the token's user a new PIN",
         .fields = {{"token", target.config ? target.token.name : target.label},
                    {"serial", done.at("serial").get<std::string>()}}});
  std::cout << target.Words() << ": " << what;
  if (target.config && new_pin_file != target.token.pin_file) {
    std::cout << "; put the new one into " << target.token.pin_file
              << " now: a worker that starts with the old one has it rejected";
  }
  std::cout << '\n';
}

ExitCode RunSet(const Options& options) {
  const TokenTarget target = TokenTarget::Of(options.token);
  const SecretBytes so_pin =
      PinFrom(options.so_pin_file, kSoPinFile, "Security officer's PIN of " + target.Words());
  const SecretBytes new_pin =
      NewPinFrom(options.new_pin_file, kNewPinFile, "User's new PIN of " + target.Words());
  const Json done = RunForToken(target.token, target.token.start_timeout,
                                [&] { return Set(target, so_pin, new_pin); });
  Tell(target, done, "pin_set", "its user PIN is set", options.new_pin_file);
  return ExitCode::kOk;
}

// C_SetPIN without login changes the PIN of CKU_USER alone.
void RequireUser(const TokenTarget& target) {
  if (!target.config || target.token.user_type == "user") return;
  throw Error(Reason::kConfig,
              target.Words() + ": its userType is " + target.token.user_type +
                  ", whose PIN the vendor's own tool changes; nothing was changed");
}

ExitCode RunChange(const Options& options) {
  const TokenTarget target = TokenTarget::Of(options.token);
  RequireUser(target);
  const std::string state_dir =
      target.config ? hsm::StateDir(target.config->state_dir).path() : std::string();
  const SecretBytes pin =
      PinFrom(options.pin_file, kPinFile, "User's present PIN of " + target.Words());
  const SecretBytes new_pin =
      NewPinFrom(options.new_pin_file, kNewPinFile, "User's new PIN of " + target.Words());
  const Json done = RunForToken(target.token, target.token.start_timeout,
                                [&] { return Change(target, state_dir, pin, new_pin); });
  Tell(target, done, "pin_changed", "its user PIN was changed", options.new_pin_file);
  return ExitCode::kOk;
}

void AddNewPinFile(CLI::App& command, Options& options) {
  command
      .add_option(kNewPinFile, options.new_pin_file,
                  "The new PIN, mode 0400; without it, a terminal asks twice")
      ->option_text("FILE");
}

}  // namespace

void AddTokenPinSet(CLI::App& group, Command& chosen) {
  const auto options = std::make_shared<Options>();
  CLI::App* command =
      AddCommand(group, "set", "Give the user a PIN, as the security officer; also ends a lock",
                 "mortise token pin set --config /etc/mortise/mortise.yaml --token hsm-a \\\n"
                 "    --so-pin-file /root/hsm-a.so-pin --new-pin-file /etc/mortise/hsm-a.pin");
  options->token.AddTo(*command);
  command
      ->add_option(kSoPinFile, options->so_pin_file,
                   "The security officer's PIN, mode 0400; without it, a terminal asks")
      ->option_text("FILE");
  AddNewPinFile(*command, *options);
  command->callback([options, &chosen] { chosen = [options] { return RunSet(*options); }; });
}

void AddTokenPinChange(CLI::App& group, Command& chosen) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = AddCommand(
      group, "change", "Change the user's PIN, as the user",
      "mortise token pin change --module /usr/lib/softhsm/libsofthsm2.so --label hsm-a \\\n"
      "    --pin-file /etc/mortise/hsm-a.pin --new-pin-file /etc/mortise/hsm-a.new-pin");
  options->token.AddTo(*command);
  command
      ->add_option(kPinFile, options->pin_file,
                   "The present PIN, mode 0400; without it, a terminal asks")
      ->option_text("FILE");
  AddNewPinFile(*command, *options);
  command->callback([options, &chosen] { chosen = [options] { return RunChange(*options); }; });
}

}  // namespace mortise::cli
