// SPDX-License-Identifier: Apache-2.0
#include "test/support/nss_token.h"

namespace mortise::test {
namespace {

constexpr const char* kCertutil = "/usr/bin/certutil";

}  // namespace

NssToken::NssToken(Mode mode) : mode_(mode) {
  WriteRandomPin(pin_file());
  Prepare({kCertutil, "-N", "-d", "sql:" + folder_.path(), "-f", pin_file()});
}

std::optional<std::string> NssToken::WhyNot() {
  if (auto missing = MissingFile(Module(), "libnss3")) return missing;
  return MissingFile(kCertutil, "libnss3-tools");
}

std::string NssToken::Module() {
  return LibraryFolder() + "/libsoftokn3.so";
}

std::string NssToken::name() const {
  return mode_ == Mode::kFips ? "nss-fips" : "nss";
}

std::string NssToken::init_args() const {
  // Without the two descriptions the labels are NSS's own, the same on every machine.
  return "configdir='sql:" + folder_.path() +
         "' certPrefix='' keyPrefix='' secmod='secmod.db' dbTokenDescription='nss' "
         "FIPSTokenDescription='nss-fips' flags=" +
         (mode_ == Mode::kFips ? "FIPS" : "");
}

config::Token NssToken::ToConfig(const std::string& name) const {
  config::Token token;
  token.name = name;
  token.module = Module();
  token.uri = "pkcs11:token=" + this->name();
  token.pin_file = pin_file();
  token.init_args = init_args();
  return token;
}

}  // namespace mortise::test
