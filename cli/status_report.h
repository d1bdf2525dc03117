// SPDX-License-Identifier: Apache-2.0
// What `mortise status` makes of /statusz.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cli/exit_code.h"

namespace mortise::cli {

// kOk when every keyring is ready and may wrap; kHsmUnreachable when one is not and none of its
// tokens is up, unless its trouble is one that no token can mend; else kFailed.
ExitCode Verdict(const nlohmann::ordered_json& statusz);

// For each thing that is wrong: what, and on the next line what to do about it.
std::vector<std::string> Advice(const nlohmann::ordered_json& statusz);

// All of it, for a person.
std::string StatusReport(const nlohmann::ordered_json& statusz);

}  // namespace mortise::cli
