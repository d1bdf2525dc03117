// SPDX-License-Identifier: Apache-2.0
#include "test/support/softhsm_token.h"

#include <filesystem>
#include <stdexcept>

namespace mortise::test {

CommandResult CreateToken(const std::string& folder, const std::string& label,
                          const std::string& pin_file, const std::string& so_pin_file) {
  return RunCommand({MORTISE_CREATE_TOKEN, folder, label, pin_file, so_pin_file},
                    {{"MORTISE", MORTISE_PROVISION}});
}

SoftHsmToken::SoftHsmToken(const std::string& label) : label_(label) {
  const CommandResult made = CreateToken(folder(), label_, pin_file(), so_pin_file());
  if (made.status != 0) throw std::runtime_error("create-token: " + made.err);
  faults_ = std::make_unique<FaultControl>(folder_ / "faults");
}

std::optional<std::string> SoftHsmToken::WhyNot() {
  return MissingFile(Module(), "softhsm2");
}

std::string SoftHsmToken::Module() {
  return "/usr/lib/softhsm/libsofthsm2.so";
}
std::string SoftHsmToken::FaultModule() {
  return MORTISE_FAULT_MODULE_PATH;
}

std::map<std::string, std::string> SoftHsmToken::environment() const {
  return {{"SOFTHSM2_CONF", conf_file()},
          {kModuleVariable, Module()},
          {kControlVariable, faults_->path()}};
}

void SoftHsmToken::HideFiles() {
  std::filesystem::rename(folder_ / "tokens", folder_ / "tokens.hidden");
}

void SoftHsmToken::RestoreFiles() {
  std::filesystem::rename(folder_ / "tokens.hidden", folder_ / "tokens");
}

config::Token SoftHsmToken::ToConfig(const std::string& name) const {
  return ToConfig(name, false);
}

config::Token SoftHsmToken::ToConfig(const std::string& name, bool plain) const {
  config::Token token;
  token.name = name;
  token.module = plain ? Module() : FaultModule();
  token.uri = uri();
  token.pin_file = pin_file();
  token.environment = environment();
  return token;
}

}  // namespace mortise::test
