// SPDX-License-Identifier: Apache-2.0
// How the findings of `mortise doctor` look.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cli/exit_code.h"
#include "doctor/check.h"

namespace mortise::cli {

// kFailed with a failure; else, where `is_strict`, kWarnings with a warning; else kOk.
ExitCode Verdict(const std::vector<doctor::Check>& checks, bool is_strict);

// {"schemaVersion":1,"success":…,"categories":[{"name":…,"checks":[{"id":…,"status":…,"what":…,"hint":…}]}]}
nlohmann::ordered_json DoctorJson(const std::vector<doctor::Check>& checks);

// A heading per category, a line per check, its hint below, and the sum. Colours are for a
// terminal.
std::string DoctorTable(const std::vector<doctor::Check>& checks, bool has_colours);

}  // namespace mortise::cli
