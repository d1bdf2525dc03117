// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/secret_bytes.h"
#include "config/config.h"
#include "test/support/child_process.h"
#include "test/support/fault_control.h"
#include "test/support/temp_dir.h"
#include "test/support/test_token.h"

namespace mortise::test {

// softhsm-config/create-token with its four arguments.
CommandResult CreateToken(const std::string& folder, const std::string& label,
                          const std::string& pin_file, const std::string& so_pin_file);

// A SoftHSM2 token in a private folder, made by softhsm-config/create-token with
// random PINs; gone with this object. Its module can be had plain or behind
// pkcs11-fault.so.
class SoftHsmToken : public TestToken {
 public:
  explicit SoftHsmToken(const std::string& label = "test");

  // One sentence when this machine cannot have this token.
  static std::optional<std::string> WhyNot();

  std::string name() const override { return "softhsm"; }
  const std::string& label() const { return label_; }
  const std::string& folder() const { return folder_.path(); }
  std::string uri() const { return "pkcs11:token=" + label_; }
  std::string pin_file() const { return folder_ / "pin"; }
  std::string so_pin_file() const { return folder_ / "so-pin"; }
  std::string conf_file() const { return folder_ / "softhsm2.conf"; }

  static std::string Module();       // SoftHSM2 itself
  static std::string FaultModule();  // pkcs11-fault.so, which forwards to it

  // What goes wrong in FaultModule.
  FaultControl& faults() { return *faults_; }

  // SOFTHSM2_CONF, and the two variables of the fault module.
  std::map<std::string, std::string> environment() const override;

  // Removes it from under whoever uses it, and brings it back.
  void HideFiles();
  void RestoreFiles();

  // Through the fault module unless `plain`.
  config::Token ToConfig(const std::string& name = "test") const override;
  config::Token ToConfig(const std::string& name, bool plain) const;

 private:
  std::string label_;
  TempDir folder_;
  std::unique_ptr<FaultControl> faults_;
};

}  // namespace mortise::test
