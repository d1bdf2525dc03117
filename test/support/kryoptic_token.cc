// SPDX-License-Identifier: Apache-2.0
#include "test/support/kryoptic_token.h"

#include <unistd.h>

#include <cstdlib>

#include "base/bytes.h"
#include "base/file.h"

namespace mortise::test {

KryopticToken::KryopticToken() {
  WriteFileAtomically(conf_file(), "[[slots]]\nslot = 0\ndbtype = \"sqlite\"\ndbargs = \"" +
                                       (folder_ / "token.sql") + "\"\n");
  auto environment = this->environment();
  environment["SO"] = AsText(WriteRandomPin(folder_ / "so-pin").view());
  environment["PIN"] = AsText(WriteRandomPin(pin_file()).view());
  PrepareByPkcs11Tool(Module(),
                      {"--init-token", "--slot", "0", "--label", name(), "--so-pin", "env:SO"},
                      environment);
  PrepareByPkcs11Tool(Module(),
                      {"--slot", "0", "--login", "--login-type", "so", "--so-pin", "env:SO",
                       "--init-pin", "--new-pin", "env:PIN"},
                      environment);
}

std::optional<std::string> KryopticToken::WhyNot() {
  if (access(Module().c_str(), R_OK) != 0) {
    return Module() + " is not there; scripts/kryoptic builds it where there is cargo";
  }
  return MissingFile("/usr/bin/pkcs11-tool", "opensc");
}

std::string KryopticToken::Module() {
  const char* folder = std::getenv("MORTISE_KRYOPTIC");
  const char* home = std::getenv("HOME");
  return (folder != nullptr
              ? std::string(folder)
              : std::string(home != nullptr ? home : "") + "/.cache/mortise/kryoptic") +
         "/libkryoptic_pkcs11.so";
}

std::map<std::string, std::string> KryopticToken::environment() const {
  return {{"KRYOPTIC_CONF", conf_file()}};
}

config::Token KryopticToken::ToConfig(const std::string& name) const {
  config::Token token;
  token.name = name;
  token.module = Module();
  token.uri = "pkcs11:token=" + this->name();
  token.pin_file = pin_file();
  token.environment = environment();
  return token;
}

}  // namespace mortise::test
