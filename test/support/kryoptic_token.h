// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "test/support/temp_dir.h"
#include "test/support/test_token.h"

namespace mortise::test {

// kryoptic, a software token with PKCS#11 3.2, in a private folder. Debian has no
// package of it: scripts/kryoptic builds the module.
class KryopticToken : public TestToken {
 public:
  KryopticToken();

  // One sentence when this machine cannot have this token.
  static std::optional<std::string> WhyNot();
  // In $MORTISE_KRYOPTIC, or where scripts/kryoptic puts it.
  static std::string Module();

  std::string name() const override { return "kryoptic"; }
  std::map<std::string, std::string> environment() const override;
  config::Token ToConfig(const std::string& name = "test") const override;

 private:
  std::string pin_file() const { return folder_ / "pin"; }
  std::string conf_file() const { return folder_ / "kryoptic.toml"; }

  TempDir folder_;
};

}  // namespace mortise::test
