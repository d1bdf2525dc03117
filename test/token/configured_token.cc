// SPDX-License-Identifier: Apache-2.0
#include "test/token/configured_token.h"

#include <fmt/format.h>

#include "base/file.h"

namespace mortise::test {

ConfiguredToken::ConfiguredToken() {
  pin_file = token_.pin_file();
  Write("admin.yaml", fmt::format("tokens: [{{name: hsm, pinFile: {}}}]\n", token_.pin_file()));
}

void ConfiguredToken::Write(const std::string& name, const std::string& text, mode_t mode) const {
  WriteFileAtomically(File(name), text, mode);
}

void ConfiguredToken::WriteConfiguration(bool with_environment) const {
  std::string environment;
  for (const auto& [name, value] : token_.environment()) {
    if (!with_environment) break;
    environment += fmt::format("{}{}: {}", environment.empty() ? "" : ", ", name, value);
  }
  Write("mortise.yaml", fmt::format(R"(
stateDir: {0}/state
metrics: {{address: ""}}
tokens:
  - name: hsm
    module: {1}
    uri: "{2}"
    pinFile: {3}
    environment: {{{4}}}
    startTimeout: {5}
    ivMode: {7}
    location: 'DC1, "cage" 4'
keyrings:
  - name: prod
    context: cluster-a
    socket: {0}/kms.sock
    policy: {6}
)",
                                    token_.folder(), module, uri, pin_file, environment,
                                    start_timeout, policy, iv_mode));
}

CommandResult ConfiguredToken::Mortise(std::vector<std::string> words) const {
  WriteConfiguration();
  words.insert(words.begin(), MORTISE_EXECUTABLE);
  words.insert(words.end(), {"--config", File("mortise.yaml")});
  return RunCommand(words);
}

CommandResult ConfiguredToken::CreateKey(const std::vector<std::string>& more) const {
  std::vector<std::string> words = {"key",       "create", "--admin-config", File("admin.yaml"),
                                    "--keyring", "prod"};
  words.insert(words.end(), more.begin(), more.end());
  return Mortise(words);
}

CommandResult ConfiguredToken::ListKeys() const {
  return Mortise({"key", "list", "-o", "json"});
}

}  // namespace mortise::test
