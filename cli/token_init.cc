// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <iostream>
#include <memory>

#include "base/file.h"
#include "cli/command.h"
#include "hsm/provision/token_init.h"

namespace mortise::cli {
namespace {

struct InitOptions {
  std::string module, label, pin_file, so_pin_file;
  bool if_missing = false;
};

SecretBytes ReadPin(const std::string& path, const char* option) {
  if (access(path.c_str(), F_OK) != 0 && errno == ENOENT) {
    throw Error(Reason::kConfig, path + " (given by " + option +
                                     "): there is no such file; write the PIN into it with mode "
                                     "0400, or correct the path");
  }
  return ReadSecretFile(path);
}

ExitCode Init(const InitOptions& options) {
  const hsm::TokenInit done = hsm::InitializeToken(options.module, options.label,
                                                   ReadPin(options.so_pin_file, "--so-pin-file"),
                                                   ReadPin(options.pin_file, "--pin-file"));
  if (done == hsm::TokenInit::kExisted && !options.if_missing) {
    throw Error(Reason::kConfig,
                "a token \"" + options.label +
                    "\" is there already; nothing was changed, for initialising it "
                    "anew would destroy its keys; choose another --label");
  }
  std::cout << "token \"" << options.label << "\": "
            << (done == hsm::TokenInit::kMade        ? "made"
                : done == hsm::TokenInit::kCompleted ? "was half made; its PIN is set now"
                                                     : "is there already; nothing was changed")
            << '\n';
  return ExitCode::kOk;
}

}  // namespace

void AddTokenInit(CLI::App& group, Command& chosen) {
  const auto options = std::make_shared<InitOptions>();
  CLI::App* command =
      AddCommand(group, "init", "Make a token in a free slot and set its user PIN",
                 "mortise token init --module /usr/lib/softhsm/libsofthsm2.so --label hsm-a \\\n"
                 "    --pin-file /etc/mortise/hsm-a.pin --so-pin-file /root/hsm-a.so-pin");
  command->add_option("--module", options->module, "The PKCS#11 library")->required();
  command->add_option("--label", options->label, "The token's name, at most 32 bytes")->required();
  command->add_option("--pin-file", options->pin_file, "The user's PIN; mode 0400")->required();
  command
      ->add_option("--so-pin-file", options->so_pin_file, "The security officer's PIN; mode 0400")
      ->required();
  command->add_flag("--if-missing", options->if_missing, "End well if the token is there already");
  command->callback([options, &chosen] { chosen = [options] { return Init(*options); }; });
}

}  // namespace mortise::cli
