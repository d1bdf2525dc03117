// SPDX-License-Identifier: Apache-2.0
#include "cli/token_target.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/token_process.h"
#include "config/loader.h"
#include "hsm/provision/token_listing.h"

namespace mortise::cli {
namespace {

using Json = nlohmann::ordered_json;

const config::Token& ConfiguredToken(const config::Config& config, const std::string& name) {
  const auto found = std::ranges::find(config.tokens, name, &config::Token::name);
  if (found != config.tokens.end()) return *found;
  throw Error(Reason::kConfig,
              "the configuration has no token " + Printable(name) + "; see `mortise config show`");
}

CK_SLOT_ID SlotByLabel(const hsm::Module& module, const TokenTarget& target) {
  std::optional<CK_SLOT_ID> found;
  for (const hsm::SlotDescription& slot : hsm::DescribeSlots(module)) {
    if (!slot.token || (slot.token->flags & CKF_TOKEN_INITIALIZED) == 0) continue;
    if (slot.token->label != target.label) continue;
    if (!target.serial.empty() && slot.token->serial != target.serial) continue;
    if (found) {
      throw Error(Reason::kConfig, "several tokens have the label \"" + target.label +
                                       "\"; add --serial; `mortise token list` shows them");
    }
    found = slot.id;
  }
  if (found) return *found;
  throw Error(Reason::kConfig, "the library shows no " + target.Words() +
                                   "; see `mortise token list --module " + target.token.module +
                                   "`");
}

}  // namespace

config::Token UnconfiguredToken(const std::string& module, const std::string& init_args) {
  config::Token token;
  token.module = module;
  token.init_args = init_args;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::size_t end = std::strcspn(*entry, "=");
    if ((*entry)[end] == '=') token.environment.emplace(std::string(*entry, end), *entry + end + 1);
  }
  return token;
}

void TokenOptions::AddTo(CLI::App& command) {
  command.add_option("--config", config, "The configuration file, with --token")
      ->option_text("FILE");
  command.add_option("--token", token, "The token's name in the configuration");
  command.add_option("--module", module, "A PKCS#11 library, with --label")->option_text("PATH");
  command.add_option("--label", label, "The token's label in that library");
  command.add_option("--serial", serial, "Its serial, where two have that label");
  command.add_option("--init-args", init_args, "What that library wants of C_Initialize");
}

TokenTarget TokenTarget::Of(const TokenOptions& options) {
  const bool by_config = !options.config.empty() && !options.token.empty();
  const bool by_module = !options.module.empty() && !options.label.empty();
  const bool mixed =
      by_config && !(options.module + options.label + options.serial + options.init_args).empty();
  if (by_config == by_module || mixed || (by_module && !(options.config + options.token).empty())) {
    throw Error(Reason::kConfig,
                "say which token: --config FILE --token NAME, or --module PATH --label LABEL");
  }
  TokenTarget target;
  if (by_module) {
    target.token = UnconfiguredToken(options.module, options.init_args);
    target.label = options.label;
    target.serial = options.serial;
    return target;
  }
  target.config = config::Load(options.config);
  target.token = ConfiguredToken(*target.config, options.token);
  return target;
}

std::string TokenTarget::Words() const {
  if (config) return "token " + token.name;
  return "token \"" + Printable(label) + "\"" + (serial.empty() ? "" : " with serial " + serial);
}

FoundToken FindTarget(const TokenTarget& target) {
  const hsm::Module module(target.token.module, target.token.init_args);
  const CK_SLOT_ID slot =
      target.config ? hsm::FindToken(module, target.token.uri) : SlotByLabel(module, target);
  const hsm::TokenDescription told = hsm::DescribeOpenable(module, slot);
  return {.name = {.module = target.token.module,
                   .init_args = target.token.init_args,
                   .label = told.label,
                   .serial = told.serial},
          .min_pin_size = told.min_pin_size,
          .max_pin_size = told.max_pin_size,
          .count_low = (told.flags & CKF_USER_PIN_COUNT_LOW) != 0,
          .final_try = (told.flags & CKF_USER_PIN_FINAL_TRY) != 0,
          .locked = (told.flags & CKF_USER_PIN_LOCKED) != 0};
}

hsm::TokenName FindInProcess(const TokenTarget& target) {
  const Json found = RunForToken(target.token, target.token.start_timeout, [&] {
    const FoundToken token = FindTarget(target);
    return Json{{"label", token.name.label}, {"serial", token.name.serial}};
  });
  return {.module = target.token.module,
          .init_args = target.token.init_args,
          .label = found.at("label"),
          .serial = found.at("serial")};
}

void RequireFits(const SecretBytes& new_pin, const FoundToken& token) {
  const bool fits = new_pin.size() >= token.min_pin_size &&
                    (token.max_pin_size == 0 || new_pin.size() <= token.max_pin_size);
  if (fits) return;
  throw Error(
      Reason::kConfig,
      fmt::format("the new PIN does not have {} to {} bytes, as the token wants it; nothing "
                  "was changed: choose another",
                  token.min_pin_size, token.max_pin_size));
}

}  // namespace mortise::cli
