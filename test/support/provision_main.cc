// SPDX-License-Identifier: Apache-2.0
// What softhsm-config/create-token needs of the product, alone: `token init`.
// Tests then need not wait for the whole executable to be built.
#include <CLI/CLI.hpp>
#include <iostream>

#include "base/error.h"
#include "base/file.h"
#include "base/hardening.h"
#include "hsm/provision/token_init.h"

int main(int argc, char** argv) {
  mortise::HardenProcess();
  std::string module, label, pin_file, so_pin_file;
  CLI::App app;
  CLI::App* init = app.add_subcommand("token")->add_subcommand("init");
  init->add_option("--module", module)->required();
  init->add_option("--label", label)->required();
  init->add_option("--pin-file", pin_file)->required();
  init->add_option("--so-pin-file", so_pin_file)->required();
  CLI11_PARSE(app, argc, argv);
  try {
    const auto done = mortise::hsm::InitializeToken(
        module, label, mortise::ReadSecretFile(so_pin_file), mortise::ReadSecretFile(pin_file));
    if (done != mortise::hsm::TokenInit::kExisted) return 0;
    std::cerr << "a token \"" << label << "\" is there already\n";
  } catch (const mortise::Error& error) {
    std::cerr << error.what() << "\n";
  }
  return 1;
}
