// SPDX-License-Identifier: Apache-2.0
// Category cluster, second half: what the nodes of one cluster say of themselves.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "doctor/check.h"

namespace mortise::doctor {

// The /statusz of the node whose metrics are at `url`. Throws Error.
using ReadStatusz = std::function<nlohmann::ordered_json(const std::string& url)>;

// Each node, and that all of them agree on context, keys and version.
void CheckNodes(const std::vector<std::string>& urls, const ReadStatusz& read, CheckList& list);

}  // namespace mortise::doctor
