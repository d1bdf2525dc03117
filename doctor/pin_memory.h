// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "config/config.h"
#include "doctor/check.h"

namespace mortise::doctor {

// What the PIN latch remembers of the PIN in the token's pinFile. Sends it nowhere.
void CheckPinMemory(const config::Token& token, const std::string& state_dir,
                    const std::string& serial, CheckList& list);

}  // namespace mortise::doctor
