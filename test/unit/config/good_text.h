// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/loader.h"

namespace mortise::config {

// The smallest good configuration; tests change one thing of it.
inline constexpr std::string_view kGoodText = R"(stateDir: /var/lib/mortise
tokens:
  - name: hsm-a
    module: /usr/lib/vendor.so
    uri: "pkcs11:token=a"
    pinFile: /etc/mortise/a.pin
keyrings:
  - name: prod
    context: cluster-a
    socket: /run/mortise/prod.sock
)";

inline std::string With(std::string_view from, std::string_view to) {
  std::string text(kGoodText);
  const std::size_t at = text.find(from);
  if (at == std::string::npos) return "the test's own mistake: nothing to replace";
  return text.replace(at, from.size(), to);
}

// The good text with more lines in its (only) token or keyring, or in a second one.
inline std::string WithTokenLine(std::string_view line) {
  return With("keyrings:", "    " + std::string(line) + "\nkeyrings:");
}
inline std::string WithKeyringLine(std::string_view line) {
  return std::string(kGoodText) + "    " + std::string(line) + "\n";
}
inline std::string WithSecondToken(std::string_view name) {
  return With("keyrings:",
              "  - {name: " + std::string(name) +
                  ", module: /usr/lib/v.so, uri: \"pkcs11:token=b\", login: none}\nkeyrings:");
}

inline std::vector<std::string> ProblemsOf(const std::string& text) {
  try {
    Parse(text, "m.yaml");
  } catch (const ConfigError& error) {
    return error.problems();
  }
  return {};
}

}  // namespace mortise::config
