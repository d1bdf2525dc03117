// SPDX-License-Identifier: Apache-2.0
// Categories token, key, crypto and performance: what only the token itself can tell.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "config/config.h"
#include "doctor/check.h"
#include "doctor/linker.h"

namespace mortise::doctor {

// Does `work` in a short-lived process of its own that has the token's environment; throws
// Error for a library that crashes or hangs there.
using RunForToken =
    std::function<nlohmann::ordered_json(const config::Token& token, config::Duration limit,
                                         const std::function<nlohmann::ordered_json()>& work)>;

struct TokensOrder {
  bool may_login = true;
  bool wants_inside = true;  // any category but token
  // kube-apiserver's, which performance is measured against.
  config::Duration timeout = config::seconds(3);
};

// By category. A module that the category library refuses is not loaded.
std::vector<Check> CheckTokens(const config::Config& config, const TokensOrder& order,
                               const Linker& linker, const RunForToken& run);

}  // namespace mortise::doctor
