// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "test/support/child_process.h"
#include "test/support/softhsm_token.h"

namespace mortise::test {

// A SoftHSM2 token behind the fault module, with the configuration and the admin file
// that the program is run with: token `hsm`, keyring `prod`.
class ConfiguredToken {
  SoftHsmToken token_;

 public:
  ConfiguredToken();

  // `mortise` with these words; --config and, for `key create`, the rest are added.
  CommandResult Mortise(std::vector<std::string> words) const;
  CommandResult CreateKey(const std::vector<std::string>& more = {}) const;
  CommandResult ListKeys() const;  // -o json

  // What the next command shall find in mortise.yaml.
  std::string module = SoftHsmToken::FaultModule();
  std::string uri = "pkcs11:token=test";
  std::string pin_file;
  std::string start_timeout = "20s";
  std::string policy = "{}";
  std::string iv_mode = "auto";

  SoftHsmToken& token() { return token_; }
  FaultControl& faults() { return token_.faults(); }
  std::string File(const std::string& name) const { return token_.folder() + "/" + name; }
  void Write(const std::string& name, const std::string& text, mode_t mode = 0600) const;
  // mortise.yaml, with or without what the library needs in tokens[].environment.
  void WriteConfiguration(bool with_environment = true) const;
};

}  // namespace mortise::test
