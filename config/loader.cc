// SPDX-License-Identifier: Apache-2.0
#include "config/loader.h"
namespace mortise::config {
ConfigError::ConfigError(std::vector<std::string> problems) : Error(Reason::kConfig, problems.empty()?"":problems[0]), problems_(std::move(problems)) {}
}
