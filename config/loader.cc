// SPDX-License-Identifier: Apache-2.0
#include "config/loader.h"

#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"
#include "config/checks.h"
#include "config/mapping.h"
#include "config/problems.h"
#include "config/yaml_tree.h"

namespace mortise::config {
namespace {

// A configuration decides which library runs beside the PIN: nobody else may write it.
std::string ReadTrustedFile(const std::string& path, const std::string& option) {
  try {
    std::string text = ReadFile(path);
    RequireTrustedPath(path);
    return text;
  } catch (const Error& error) {
    // Not what is in it is wrong, but who asks.
    if (access(path.c_str(), R_OK) != 0 && errno == EACCES) {
      throw Error(Reason::kPermission, path + ": " + ErrnoText(EACCES) + " (the file given by " +
                                           option + "); run this as the user that serves");
    }
    throw ConfigError({std::string(error.what()) + " (the file given by " + option + ")"});
  }
}

// A keyring that names no tokens has all. A bad name is told once, at its token.
void FillInTokens(Config& config, const Problems& problems) {
  std::vector<std::string> names;
  for (const Token& token : config.tokens) {
    const bool is_new = std::ranges::find(names, token.name) == names.end();
    if (!token.name.empty() && is_new) names.push_back(token.name);
  }
  for (std::size_t i = 0; i < config.keyrings.size(); ++i) {
    std::vector<std::string>& tokens = config.keyrings[i].tokens;
    if (tokens.empty() && problems.IsSound(Join(Join("keyrings", i), "tokens"))) tokens = names;
  }
}

Config ReadConfig(const std::string& text, Problems& problems) {
  Config config = MapConfig(ParseYaml(text, problems), problems);
  FillInTokens(config, problems);
  CheckValues(config, problems);
  return config;
}

}  // namespace

ConfigError::ConfigError(std::vector<std::string> problems)
    : Error(Reason::kConfig, fmt::format("{}", fmt::join(problems, "\n"))),
      problems_(std::move(problems)) {}

Config Load(const std::string& path) {
  Problems problems(path);
  Config config = ReadConfig(ReadTrustedFile(path, "--config"), problems);
  CheckFiles(config, problems);
  problems.ThrowIfAny();
  return config;
}

Examined Examine(const std::string& path) {
  Examined examined;
  try {
    Problems problems(path);
    examined.config = ReadConfig(ReadTrustedFile(path, "--config"), problems);
    examined.is_read = true;
    CheckFiles(examined.config, problems);
    problems.ThrowIfAny();
  } catch (const ConfigError& error) {
    examined.problems = error.problems();
  } catch (const Error& error) {
    examined.problems = {error.what()};
  }
  return examined;
}

Config Parse(const std::string& text, const std::string& file) {
  Problems problems(file);
  Config config = ReadConfig(text, problems);
  problems.ThrowIfAny();
  return config;
}

std::string LoadMetricsAddress(const std::string& path) {
  Problems yaml(path);
  const Node tree = ParseYaml(ReadTrustedFile(path, "--config"), yaml);
  yaml.ThrowIfAny();
  Problems problems(path);
  const Config config = MapConfig(tree, problems);
  for (const char* needed : {"", "metrics", "metrics.address"}) {
    if (!problems.IsSound(needed)) problems.ThrowIfAny();
  }
  return config.metrics.address;
}

AdminConfig LoadAdmin(const std::string& path, const Config& config) {
  Problems problems(path);
  AdminConfig admin =
      MapAdmin(ParseYaml(ReadTrustedFile(path, "--admin-config"), problems), problems);
  CheckAdminValues(admin, config, problems);
  CheckAdminFiles(admin, problems);
  problems.ThrowIfAny();
  return admin;
}

}  // namespace mortise::config
