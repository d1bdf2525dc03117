// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "hsm/cryptoki/slot.h"

namespace mortise::cli {

// A slot as `token list -o json` has it.
nlohmann::ordered_json ReportSlot(const hsm::SlotDescription& slot);

// The same, of all modules, as tables to standard output.
void PrintListing(const nlohmann::ordered_json& modules);

}  // namespace mortise::cli
