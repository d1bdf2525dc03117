// SPDX-License-Identifier: Apache-2.0
#include "hsm/provision/token_init.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/audit.h"
#include "cli/command.h"
#include "cli/token_process.h"
#include "cli/token_prompt.h"
#include "cli/token_target.h"

namespace mortise::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kPinFile = "--pin-file";
constexpr const char* kSoPinFile = "--so-pin-file";

struct InitOptions {
  std::string module, label, serial, pin_file, so_pin_file, confirmation;
  bool if_missing = false;
  bool reinitialise = false;
};

ExitCode TellThatItExists(const InitOptions& options) {
  if (!options.if_missing) {
    throw Error(Reason::kConfig,
                "a token \"" + options.label +
                    "\" is there already; nothing was changed, for initialising it "
                    "anew would destroy its keys; choose another --label, or erase it with "
                    "--reinitialise");
  }
  std::cout << "token \"" << options.label << "\": is there already; nothing was changed\n";
  return ExitCode::kOk;
}

// Where a person is asked for PINs, not before it is known that they are needed.
bool IsComplete(const config::Token& library, const std::string& label) {
  return RunForToken(library, library.start_timeout,
                     [&] { return Json(hsm::HasCompleteToken(library.module, label)); })
      .get<bool>();
}

ExitCode Make(const InitOptions& options) {
  const config::Token library = UnconfiguredToken(options.module, "");
  const bool asks = options.pin_file.empty() || options.so_pin_file.empty();
  if (asks && IsComplete(library, options.label)) return TellThatItExists(options);
  const SecretBytes so_pin =
      NewPinFrom(options.so_pin_file, kSoPinFile, "Security officer's PIN of the token");
  const SecretBytes pin = NewPinFrom(options.pin_file, kPinFile, "User's PIN of the token");
  const Json answer = RunForToken(library, library.start_timeout, [&] {
    return Json(hsm::InitializeToken(options.module, options.label, so_pin, pin));
  });
  const auto done = answer.get<hsm::TokenInit>();
  if (done == hsm::TokenInit::kExisted) return TellThatItExists(options);
  std::cout << "token \"" << options.label << "\": "
            << (done == hsm::TokenInit::kMade ? "made" : "was half made; its PIN is set now")
            << '\n';
  return ExitCode::kOk;
}

// The label itself, so that it is the right terminal window, machine and token.
void Confirm(const InitOptions& options, const hsm::TokenName& token) {
  std::string typed = options.confirmation;
  if (typed.empty()) {
    const TokenPrompt prompt("--confirm LABEL");
    typed = prompt.AskLine("This erases every key of token \"" + token.label + "\" (serial " +
                           token.serial +
                           ").\nWhat only they can decrypt is lost for good. To go on, type the "
                           "token's label: ");
  }
  if (typed == options.label) return;
  throw Error(Reason::kConfig, "\"" + Printable(typed) + "\" is not the label of token \"" +
                                   token.label + "\" (serial " + token.serial +
                                   "); nothing was erased");
}

ExitCode Erase(const InitOptions& options) {
  const TokenTarget target =
      TokenTarget::Of({.module = options.module, .label = options.label, .serial = options.serial});
  const hsm::TokenName token = FindInProcess(target);
  Confirm(options, token);
  const SecretBytes so_pin =
      PinFrom(options.so_pin_file, kSoPinFile, "Security officer's PIN of the token");
  const SecretBytes pin = NewPinFrom(options.pin_file, kPinFile, "User's new PIN");
  RunForToken(target.token, target.token.start_timeout, [&] {
    hsm::ReinitializeToken(options.module, token.label, token.serial, so_pin, pin);
    return Json();
  });
  Audit({}, {.severity = hsm::Severity::kWarning,
             .name = "token_erased",
             .message = "an operator erased a token and all its keys",
             .fields = {{"token", token.label}, {"serial", token.serial}}});
  std::cout << "token \"" << options.label << "\": erased and made anew\n";
  return ExitCode::kOk;
}

ExitCode Init(const InitOptions& options) {
  if (options.reinitialise && options.if_missing) {
    throw Error(Reason::kConfig,
                "--if-missing never erases and --reinitialise always does; give one of them");
  }
  if (!options.reinitialise && !(options.confirmation + options.serial).empty()) {
    throw Error(Reason::kConfig,
                "--confirm and --serial belong to --reinitialise; nothing was changed");
  }
  return options.reinitialise ? Erase(options) : Make(options);
}

}  // namespace

void AddTokenInit(CLI::App& group, Command& chosen) {
  const auto options = std::make_shared<InitOptions>();
  CLI::App* command =
      AddCommand(group, "init", "Make a token in a free slot and set its user PIN",
                 "mortise token init --module /usr/lib/softhsm/libsofthsm2.so --label hsm-a \\\n"
                 "    --pin-file /etc/mortise/hsm-a.pin --so-pin-file /root/hsm-a.so-pin\n"
                 "mortise token init --module /usr/lib/softhsm/libsofthsm2.so --label hsm-a \\\n"
                 "    --reinitialise");
  command->add_option("--module", options->module, "The PKCS#11 library")->required();
  command->add_option("--label", options->label, "The token's name, at most 32 bytes")->required();
  command->add_option(kPinFile, options->pin_file,
                      "The user's PIN, mode 0400; without it, a terminal asks");
  command->add_option(kSoPinFile, options->so_pin_file,
                      "The security officer's PIN, mode 0400; without it, a terminal asks");
  command->add_flag("--if-missing", options->if_missing, "End well if the token is there already");
  command->add_flag("--reinitialise,--reinitialize", options->reinitialise,
                    "Erase the token of that label with all its keys, and make it anew");
  command
      ->add_option("--confirm", options->confirmation,
                   "With --reinitialise: the label once more; without it, a terminal asks")
      ->option_text("LABEL");
  command->add_option("--serial", options->serial,
                      "With --reinitialise: which, where two tokens have that label");
  command->callback([options, &chosen] { chosen = [options] { return Init(*options); }; });
}

}  // namespace mortise::cli
