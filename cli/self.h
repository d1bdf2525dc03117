// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/exit_code.h"

namespace mortise::cli {

// Runs this executable with other arguments, and waits for it. What must not happen in
// a process that serves (loading a vendor's library) is done so. Its messages go where
// this process's go; its data goes nowhere.
ExitCode RunSelf(const std::vector<std::string>& arguments,
                 const std::map<std::string, std::string>& environment = {});

}  // namespace mortise::cli
