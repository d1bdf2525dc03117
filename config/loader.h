// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "config/config.h"

namespace mortise::config {

// Everything that is wrong with a file, not the first mistake only. Its what() is
// one problem a line: "file:line:column: path: problem".
class ConfigError : public Error {
 public:
  explicit ConfigError(std::vector<std::string> problems);
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  std::vector<std::string> problems_;
};

// Reads and checks a whole file: form, values, references between parts, and the
// ownership and modes of every file and folder it names. Throws ConfigError.
Config Load(const std::string& path);
// As Load, but what could be read is given together with what is wrong with it, for whoever
// finds out why nothing works. A field with a wrong value has its default.
struct Examined {
  bool is_read = false;  // the text is such a file at all
  Config config;
  std::vector<std::string> problems;  // as ConfigError has them
};
Examined Examine(const std::string& path);
// As Load for a text that is called `file` in problems; looks at no file or folder.
Config Parse(const std::string& text, const std::string& file);
// The metrics.address of a file whose other parts may be wrong for this user, or at all. Throws
// ConfigError where it cannot be told.
std::string LoadMetricsAddress(const std::string& path);
AdminConfig LoadAdmin(const std::string& path, const Config& config);

// The effective configuration, defaults filled in, as YAML that Load accepts.
std::string Show(const Config& config);

}  // namespace mortise::config
