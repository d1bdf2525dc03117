// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/audit.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/token_process.h"
#include "config/loader.h"
#include "hsm/key_creation.h"
#include "hsm/opened_token.h"
#include "hsm/state_dir.h"

namespace mortise::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::string config, admin_config, keyring;
  bool if_missing = false;
  OutputFormat output = OutputFormat::kTable;
};

const config::Keyring& FindKeyring(const config::Config& config, const std::string& name) {
  const auto found = std::ranges::find(config.keyrings, name, &config::Keyring::name);
  if (found == config.keyrings.end()) {
    throw Error(Reason::kConfig, "the configuration has no keyring " + Printable(name) +
                                     "; see `mortise config show`");
  }
  return *found;
}

// The token it prefers. Others get the key by the vendor's means (cloning, key backup):
// a key that never leaves its token cannot be copied by a program.
const config::Token& TokenOf(const config::Config& config, const config::Keyring& keyring) {
  const std::string name =
      keyring.tokens.empty() ? config.tokens.at(0).name : keyring.tokens.front();
  return *std::ranges::find(config.tokens, name, &config::Token::name);
}

// Before the token is asked for a key whose canary could not be kept.
void RequireWritable(const std::string& state_dir) {
  if (access(state_dir.c_str(), W_OK | X_OK) == 0) return;
  throw Error(Reason::kPermission,
              "stateDir " + state_dir + " cannot be written: " + ErrnoText(errno) +
                  "; no key was made. Run this as the user that serves, and see that the folder "
                  "is not mounted read-only");
}

Json CreateInToken(const config::Config& config, const config::Keyring& keyring,
                   const config::Token& token, const hsm::Credentials& credentials,
                   bool if_missing) {
  hsm::OpenedToken opened(token, credentials, config.state_dir);
  if (if_missing && hsm::HasKeyOf(opened.session(), keyring)) return {{"created", false}};
  const hsm::CreatedKey key =
      hsm::CreateFirstKey(opened.keeper(), keyring, token.name, config.state_dir);
  return {{"created", true},
          {"keyring", keyring.name},
          {"keyId", key.key_id},
          {"generation", key.generation},
          {"scheme", "aes-gcm"},
          {"token", token.name},
          {"label", key.label},
          {"ckaId", ToHex(AsBytes(key.cka_id))},
          {"activation", FormatTime(key.activation)}};
}

ExitCode Create(const Options& options) {
  const config::Config config = config::Load(options.config);
  const config::AdminConfig admin = config::LoadAdmin(options.admin_config, config);
  const config::Keyring& keyring = FindKeyring(config, options.keyring);
  const config::Token& token = TokenOf(config, keyring);
  const hsm::Credentials credentials = hsm::Credentials::ToAdminister(token, admin);
  const hsm::StateDir state_dir(config.state_dir);
  RequireWritable(state_dir.path());
  Json key = RunForToken(token, token.start_timeout, [&] {
    return CreateInToken(config, keyring, token, credentials, options.if_missing);
  });
  const bool is_created = key.at("created").get<bool>();
  key.erase("created");
  if (!is_created) {
    std::cerr << "keyring " << keyring.name << " has a key already; nothing was changed\n";
    return ExitCode::kOk;
  }
  Audit(
      config.log,
      {.name = "key_created",
       .message = "a key was made by an administrator",
       .fields = {{"keyring", keyring.name}, {"token", token.name}, {"key_id", key.at("keyId")}}});
  if (options.output == OutputFormat::kJson) {
    PrintJson(key);
    return ExitCode::kOk;
  }
  PrintTable({{"KEY ID", "TOKEN", "LABEL", "ACTIVE FROM"},
              {key.at("keyId"), token.name, key.at("label"), key.at("activation")}});
  std::cout << fmt::format("a mortise that runs finds it by itself within rescanInterval ({} s)\n",
                           std::chrono::duration<double>(keyring.rescan_interval).count());
  return ExitCode::kOk;
}

}  // namespace

void AddKeyCreate(CLI::App& group, Command& chosen) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = AddCommand(group, "create", "Make a keyring's first key, inside the token",
                                 "mortise key create --config /etc/mortise/mortise.yaml \\\n"
                                 "    --admin-config /root/mortise-admin.yaml --keyring prod");
  command->add_option("--config", options->config, "The configuration file")
      ->required()
      ->option_text("FILE");
  command
      ->add_option("--admin-config", options->admin_config,
                   "Who may make keys: tokens: [{name, pinFile, userType}]")
      ->required()
      ->option_text("FILE");
  command->add_option("--keyring", options->keyring, "The keyring that has no key yet")->required();
  command->add_flag("--if-missing", options->if_missing,
                    "End well if the keyring has a key already");
  AddOutputOption(*command, options->output);
  command->callback([options, &chosen] { chosen = [options] { return Create(*options); }; });
}

}  // namespace mortise::cli
