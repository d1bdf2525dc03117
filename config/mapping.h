// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/problems.h"
#include "config/yaml_tree.h"

namespace mortise::config {

// From the tree of a file to its struct: names, types and ranges of single values.
Config MapConfig(const Node& root, Problems& problems);
AdminConfig MapAdmin(const Node& root, Problems& problems);

}  // namespace mortise::config
