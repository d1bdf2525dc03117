// SPDX-License-Identifier: Apache-2.0
#include "config/loader.h"
namespace mortise::config {
ConfigError::ConfigError(std::vector<std::string> problems) : Error(Reason::kConfig, problems.empty()?"":problems[0]), problems_(std::move(problems)) {}
Config Load(const std::string& path) { throw ConfigError({path + ":1:1: : not read yet"}); }
std::string Show(const Config&) { return ""; }
}
