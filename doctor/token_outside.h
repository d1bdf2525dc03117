// SPDX-License-Identifier: Apache-2.0
// What a token tells everybody. Runs in the process that visits it.
#pragma once

#include <vector>

#include "config/config.h"
#include "doctor/check.h"
#include "hsm/cryptoki/slot.h"

namespace mortise::doctor {

// Loads the library. Throws Error where no such token is there.
std::vector<Check> LookAtToken(const config::Token& token, const config::Config& config);

// What its flags say, of itself and of the PIN.
void JudgeFlags(const config::Token& token, const hsm::TokenDescription& seen, CheckList& list);

// Whether it has as many sessions as the configuration wants.
void JudgeSessions(const config::Token& token, const hsm::TokenDescription& seen, CheckList& list);

}  // namespace mortise::doctor
