// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "base/file.h"
#include "test/support/child_process.h"
#include "test/support/temp_dir.h"
#include "test/support/test_token.h"

namespace mortise::test {

// The soft token of openCryptoki. A machine has one, with a daemon and a folder below
// /var/lib, so tests take turns: the constructor waits for those of other processes.
class OpencryptokiToken : public TestToken {
 public:
  OpencryptokiToken();
  ~OpencryptokiToken() override;

  // One sentence when this machine cannot have this token.
  static std::optional<std::string> WhyNot();
  static std::string Module();

  std::string name() const override { return "opencryptoki"; }
  std::map<std::string, std::string> environment() const override { return {}; }
  config::Token ToConfig(const std::string& name = "test") const override;

 private:
  void StartDaemon();
  void Initialize();
  std::string pin_file() const { return folder_ / "pin"; }

  UniqueFd turn_;
  TempDir folder_;
  std::unique_ptr<ChildProcess> daemon_;  // none: one ran before
};

}  // namespace mortise::test
