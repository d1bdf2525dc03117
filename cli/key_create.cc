// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/audit.h"
#include "cli/ceremony.h"
#include "cli/command.h"
#include "cli/configured.h"
#include "cli/output.h"
#include "cli/scheme_choice.h"
#include "cli/token_process.h"
#include "config/loader.h"
#include "hsm/cryptoki/slot.h"
#include "hsm/key_creation.h"
#include "hsm/opened_token.h"
#include "hsm/state_dir.h"

namespace mortise::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::string config, admin_config, keyring, canary_out, ceremony;
  bool if_missing = false;
  OutputFormat output = OutputFormat::kTable;
};

// Before the token is asked for a key whose canary could not be kept.
void RequireWritable(const std::string& state_dir) {
  if (access(state_dir.c_str(), W_OK | X_OK) == 0) return;
  throw Error(Reason::kPermission,
              "stateDir " + state_dir + " cannot be written: " + ErrnoText(errno) +
                  "; no key was made. Run this as the user that serves, and see that the folder "
                  "is not mounted read-only");
}

// Of one token, in a process of its own: what is done is told line by line as it is done.
Json CreateInToken(const config::Config& config, const config::Keyring& keyring,
                   const config::Token& token, const hsm::Credentials& credentials,
                   hsm::SchemeId scheme, const hsm::Journal& journal) {
  hsm::OpenedToken opened(token, credentials, config.state_dir);
  const hsm::TokenDescription is = hsm::DescribeToken(opened.module(), opened.slot());
  journal(fmt::format(
      "logged in to token {} (label {}, serial {}, {} {}, firmware {}) by library {}", token.name,
      is.label, is.serial, is.manufacturer, is.model, is.firmware, opened.module().library()));
  const hsm::CreatedKey key =
      hsm::CreateFirstKey(opened, keyring, token, config.state_dir, scheme, journal);
  return {{"keyring", keyring.name},
          {"keyId", key.key_id},
          {"generation", key.generation},
          {"scheme", hsm::Name(key.scheme)},
          {"token", token.name},
          {"label", key.label},
          {"ckaId", ToHex(AsBytes(key.cka_id))},
          {"activation", FormatTime(key.activation)},
          {"canary", hsm::FormatCanary(key.canary)}};
}

bool HasKey(const config::Config& config, const config::Keyring& keyring,
            const config::Token& token, const hsm::Credentials& credentials) {
  return RunForToken(token, token.start_timeout,
                     [&]() -> Json {
                       const hsm::OpenedToken opened(token, credentials, config.state_dir);
                       return hsm::HasKeyOf(opened.session(), keyring);
                     })
      .get<bool>();
}

std::unique_ptr<Ceremony> BeginCeremony(const Options& options, const config::Token& token) {
  if (options.ceremony.empty()) return nullptr;
  auto ceremony = std::make_unique<Ceremony>(options.ceremony, CommandLine());
  ceremony->NoteFile("configuration", options.config);
  ceremony->NoteFile("admin file", options.admin_config);
  ceremony->NoteFile("module", token.module);
  ceremony->BeginSteps();
  return ceremony;
}

// A line of a `canaries` file. Appended: it may hold those of other keyrings and generations.
void AppendCanary(const std::string& path, const std::string& line) {
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  const std::string text = line + "\n";
  if (file.get() >= 0 &&
      write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      fsync(file.get()) == 0) {
    return;
  }
  throw Error(Reason::kStateUnusable,
              "--canary-out " + path + ": " + ErrnoText(errno) +
                  "; the key was made and its canary is in stateDir/canaries: copy that file's "
                  "line to where the other nodes' `canaries` file is kept");
}

void Report(const Json& key, const config::Keyring& keyring, OutputFormat output) {
  if (output == OutputFormat::kJson) return PrintJson(key);
  PrintTable({{"KEY ID", "SCHEME", "TOKEN", "LABEL", "ACTIVE FROM"},
              {key.at("keyId"), key.at("scheme"), key.at("token"), key.at("label"),
               key.at("activation")}});
  std::cout << fmt::format("a mortise that runs finds it by itself within rescanInterval ({} s)\n",
                           std::chrono::duration<double>(keyring.rescan_interval).count());
}

ExitCode Create(const Options& options) {
  const config::Config config = config::Load(options.config);
  const config::AdminConfig admin = config::LoadAdmin(options.admin_config, config);
  const config::Keyring& keyring = FindKeyring(config, options.keyring);
  // The token it prefers. Others get the key by the vendor's means (cloning, key backup): a
  // key that never leaves its token cannot be copied by a program.
  const config::Token& token = *TokensOf(config, keyring).front();
  const hsm::Credentials credentials = hsm::Credentials::ToAdminister(token, admin);
  const hsm::StateDir state_dir(config.state_dir);
  RequireWritable(state_dir.path());
  if (options.if_missing && HasKey(config, keyring, token, credentials)) {
    std::cerr << "keyring " << keyring.name << " has a key already; nothing was changed\n";
    return ExitCode::kOk;
  }
  const std::unique_ptr<Ceremony> ceremony = BeginCeremony(options, token);
  const hsm::Journal journal = [&](const std::string& what) {
    if (ceremony) ceremony->Step(what);
  };
  try {
    const hsm::SchemeId scheme = ChooseScheme(config, keyring, admin, journal);
    const Json key = RunForToken(token, token.start_timeout, [&] {
      return CreateInToken(config, keyring, token, credentials, scheme, journal);
    });
    Audit(config.log, {.name = "key_created",
                       .message = "a key was made by an administrator",
                       .fields = {{"keyring", keyring.name},
                                  {"token", token.name},
                                  {"scheme", key.at("scheme")},
                                  {"key_id", key.at("keyId")}}});
    if (!options.canary_out.empty()) {
      AppendCanary(options.canary_out, key.at("canary"));
      journal("the canary was appended to " + options.canary_out);
    }
    if (ceremony) ceremony->Close("made " + key.at("keyId").get<std::string>());
    Report(key, keyring, options.output);
  } catch (const Error& error) {
    if (ceremony) ceremony->Close(std::string("failed: ") + error.what());
    throw;
  }
  return ExitCode::kOk;
}

}  // namespace

void AddKeyCreate(CLI::App& group, Command& chosen) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = AddCommand(group, "create", "Make a keyring's first key, inside the token",
                                 "mortise key create --config /etc/mortise/mortise.yaml \\\n"
                                 "    --admin-config /root/mortise-admin.yaml --keyring prod \\\n"
                                 "    --canary-out canaries.json --ceremony ceremony.txt");
  command->add_option("--config", options->config, "The configuration file")
      ->required()
      ->option_text("FILE");
  command
      ->add_option("--admin-config", options->admin_config,
                   "Who may make keys: tokens: [{name, pinFile, userType}]")
      ->required()
      ->option_text("FILE");
  command->add_option("--keyring", options->keyring, "The keyring that has no key yet")->required();
  command
      ->add_option("--canary-out", options->canary_out,
                   "Append the key's canary to a file that other nodes pin (trust: pinned)")
      ->option_text("FILE");
  command
      ->add_option("--ceremony", options->ceremony,
                   "Write a transcript for witnesses to sign, into a new file")
      ->option_text("FILE");
  command->add_flag("--if-missing", options->if_missing,
                    "End well if the keyring has a key already");
  AddOutputOption(*command, options->output);
  command->callback([options, &chosen] { chosen = [options] { return Create(*options); }; });
}

}  // namespace mortise::cli
