// SPDX-License-Identifier: Apache-2.0
#include "test/support/test_token.h"

#include <openssl/rand.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "base/file.h"
#include "test/support/child_process.h"

namespace mortise::test {

bool TestToken::MakeKeyByTool(ToolKey, const std::string&, const std::string&) {
  return false;
}

SecretBytes TestToken::Pin() const {
  return ReadSecretFile(ToConfig().pin_file);
}

void TestToken::Export() const {
  for (const auto& [name, value] : environment()) setenv(name.c_str(), value.c_str(), 1);
}

std::optional<std::string> MissingFile(const std::string& file, const std::string& package) {
  if (access(file.c_str(), R_OK) == 0) return std::nullopt;
  return file + " is not there; install the Debian package " + package;
}

void Prepare(const std::vector<std::string>& command,
             const std::map<std::string, std::string>& environment) {
  const CommandResult done = RunCommand(command, environment);
  if (done.status == 0) return;
  throw std::runtime_error(command[0] + " ended with " + std::to_string(done.status) + ": " +
                           done.out + done.err);
}

void PrepareByPkcs11Tool(const std::string& module, std::vector<std::string> arguments,
                         const std::map<std::string, std::string>& environment) {
  arguments.insert(arguments.begin(), {"pkcs11-tool", "--module", module});
  Prepare(arguments, environment);
}

std::string LibraryFolder() {
  return MORTISE_LIBRARY_FOLDER;
}

SecretBytes WriteRandomPin(const std::string& path) {
  constexpr std::array<std::string_view, 3> kClasses = {"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                                                        "abcdefghijklmnopqrstuvwxyz", "0123456789"};
  SecretBytes pin(8);
  if (RAND_bytes(pin.data(), static_cast<int>(pin.size())) != 1) {
    throw std::runtime_error("no random bytes for a PIN");
  }
  for (std::size_t i = 0; i < pin.size(); ++i) {
    const std::string_view letters = kClasses[i % kClasses.size()];
    pin.data()[i] = static_cast<std::uint8_t>(letters[pin.data()[i] % letters.size()]);
  }
  WriteFileAtomically(path, {reinterpret_cast<const char*>(pin.data()), pin.size()}, 0400);
  return pin;
}

}  // namespace mortise::test
