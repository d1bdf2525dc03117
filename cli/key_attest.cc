// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/version.h"
#include "cli/attestation_text.h"
#include "cli/command.h"
#include "cli/configured.h"
#include "cli/output.h"
#include "cli/token_process.h"
#include "config/loader.h"
#include "hsm/attestation.h"
#include "hsm/jws.h"
#include "hsm/opened_token.h"
#include "hsm/state_dir.h"

namespace mortise::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kSchemaVersion = 1;

struct Options {
  std::string config, admin_config, keyring, sign_with;
  OutputFormat output = OutputFormat::kTable;
};

Json DocumentOf(const config::Config& config, const config::Keyring& keyring) {
  Json tokens = Json::array();
  for (const config::Token* token : TokensOf(config, keyring)) {
    tokens.push_back(RunForToken(*token, token->start_timeout, [&] {
      const hsm::OpenedToken opened(*token, hsm::Credentials::ToServe(*token), config.state_dir);
      return hsm::Attest(opened, *token, keyring);
    }));
  }
  return {{"schemaVersion", kSchemaVersion},
          {"kind", "mortise.attestation"},
          {"time", FormatTime(WallNow())},
          {"host", HostName()},
          {"mortise", {{"version", Version()}, {"buildId", BuildId()}}},
          {"keyring", keyring.name},
          {"context", keyring.context},
          {"tokens", tokens}};
}

// By the keyring's first token, with the credential of the admin file: the service's own
// user need not be able to sign.
Json Sign(const config::Config& config, const config::Keyring& keyring, const Options& options,
          const std::string& document) {
  const config::AdminConfig admin = config::LoadAdmin(options.admin_config, config);
  const config::Token& token = *TokensOf(config, keyring).front();
  const hsm::Credentials credentials = hsm::Credentials::ToAdminister(token, admin);
  return RunForToken(token, token.start_timeout, [&] {
    const hsm::OpenedToken opened(token, credentials, config.state_dir);
    const hsm::SigningKey key = hsm::FindSigningKey(opened.session(), options.sign_with);
    return hsm::SignJws(opened.session(), key, document);
  });
}

ExitCode Attest(const Options& options) {
  if (options.sign_with.empty() != options.admin_config.empty()) {
    throw Error(Reason::kConfig,
                "--sign-with and --admin-config go together: the key signs in the session of the "
                "admin file's credential");
  }
  const config::Config config = config::Load(options.config);
  const config::Keyring& keyring = FindKeyring(config, options.keyring);
  const hsm::StateDir state_dir(config.state_dir);
  const Json document = DocumentOf(config, keyring);
  const std::string text = document.dump(2, ' ', false, Json::error_handler_t::replace);
  Json signature;
  if (!options.sign_with.empty()) signature = Sign(config, keyring, options, text);
  if (options.output == OutputFormat::kTable) {
    std::cout << AttestationText(document);
    if (!signature.is_null()) std::cout << "\nsigned (JWS, RFC 7515)\n" << signature.dump() << '\n';
  } else if (signature.is_null()) {
    std::cout << text << '\n';
  } else {
    PrintJson(signature);
  }
  return ExitCode::kOk;
}

}  // namespace

void AddKeyAttest(CLI::App& group, Command& chosen) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = AddCommand(
      group, "attest", "Write what the tokens report of a keyring's keys, for an auditor",
      "mortise key attest --config /etc/mortise/mortise.yaml --keyring prod\n"
      "mortise key attest --config /etc/mortise/mortise.yaml --keyring prod -o json \\\n"
      "    --admin-config /root/mortise-admin.yaml --sign-with 'pkcs11:object=audit-signer'");
  command->add_option("--config", options->config, "The configuration file")
      ->required()
      ->option_text("FILE");
  command->add_option("--keyring", options->keyring, "Whose keys")->required();
  command
      ->add_option("--sign-with", options->sign_with,
                   "A private key in the keyring's first token, by object= and id= (RFC 7512)")
      ->option_text("URI");
  command->add_option("--admin-config", options->admin_config, "Who may use the signing key")
      ->option_text("FILE");
  AddOutputOption(*command, options->output);
  command->callback([options, &chosen] { chosen = [options] { return Attest(*options); }; });
}

}  // namespace mortise::cli
