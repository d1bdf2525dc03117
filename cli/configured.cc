// SPDX-License-Identifier: Apache-2.0
#include "cli/configured.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/error.h"

namespace mortise::cli {

const config::Keyring& FindKeyring(const config::Config& config, const std::string& name) {
  const auto found = std::ranges::find(config.keyrings, name, &config::Keyring::name);
  if (found != config.keyrings.end()) return *found;
  throw Error(Reason::kConfig, "the configuration has no keyring " + Printable(name) +
                                   "; see `mortise config show`");
}

std::vector<const config::Token*> TokensOf(const config::Config& config,
                                           const config::Keyring& keyring) {
  std::vector<const config::Token*> tokens;
  if (keyring.tokens.empty()) {
    for (const config::Token& token : config.tokens) tokens.push_back(&token);
  }
  for (const std::string& name : keyring.tokens)
    tokens.push_back(&*std::ranges::find(config.tokens, name, &config::Token::name));
  return tokens;
}

std::string HostName() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

}  // namespace mortise::cli
