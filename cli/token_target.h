// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "config/config.h"
#include "hsm/provision/token_pin.h"

namespace CLI {
class App;
}

namespace mortise::cli {

// The PKCS#11 library at `module` as a token that is in no configuration: with this
// process's own environment, as vendors' tools have it.
config::Token UnconfiguredToken(const std::string& module, const std::string& init_args);

// Which token a command works on: --config FILE --token NAME, or --module PATH --label
// LABEL and, where two have it, --serial S.
struct TokenOptions {
  std::string config, token, module, init_args, label, serial;

  void AddTo(CLI::App& command);
};

struct TokenTarget {
  config::Token token;
  std::optional<config::Config> config;  // nothing: it is in no configuration
  std::string label, serial;             // of a token in no configuration

  // Throws Error(kConfig), often for options that do not go together.
  static TokenTarget Of(const TokenOptions& options);
  std::string Words() const;  // "token hsm-a", as in the configuration, or by label
};

// A token as the PKCS#11 library names it, with what a new PIN must fulfil.
struct FoundToken {
  hsm::TokenName name;
  std::uint64_t min_pin_size = 0;
  std::uint64_t max_pin_size = 0;  // 0: no limit is known
  bool count_low = false, final_try = false, locked = false;
};

// Looks for it by Cryptoki, which is unloaded at the end. In a process of RunForToken only.
FoundToken FindTarget(const TokenTarget& target);

// The same from any process that has no thread yet: in a process of RunForToken.
hsm::TokenName FindInProcess(const TokenTarget& target);

// Throws Error(kConfig) for a new PIN that the token would not take; the length is not told.
void RequireFits(const SecretBytes& new_pin, const FoundToken& token);

}  // namespace mortise::cli
