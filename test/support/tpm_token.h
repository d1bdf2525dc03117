// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "test/support/child_process.h"
#include "test/support/temp_dir.h"
#include "test/support/test_token.h"

namespace mortise::test {

// A TPM 2.0 in software (swtpm) behind tpm2-pkcs11, with a resource manager and a
// message bus of its own, as tpm2-pkcs11 needs one to keep many objects loaded.
class TpmToken : public TestToken {
 public:
  TpmToken();
  ~TpmToken() override;

  // One sentence when this machine cannot have this token.
  static std::optional<std::string> WhyNot();
  static std::string Module();

  std::string name() const override { return "tpm2"; }
  std::map<std::string, std::string> environment() const override;
  config::Token ToConfig(const std::string& name = "test") const override;
  bool MakeKeyByTool(ToolKey kind, const std::string& label, const std::string& id) override;

 private:
  void StartTpm();
  void StartBroker();
  // tpm2_ptool; a file stands as @/its/path for its content, which is no argument then.
  void RunPtool(const std::vector<std::string>& arguments) const;
  std::string pin_file() const { return folder_ / "pin"; }

  TempDir folder_;
  int port_ = 0;
  std::unique_ptr<ChildProcess> tpm_;
  std::unique_ptr<ChildProcess> bus_;
  std::unique_ptr<ChildProcess> broker_;
};

}  // namespace mortise::test
