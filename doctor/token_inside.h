// SPDX-License-Identifier: Apache-2.0
// What a token shows to whoever has logged in. Runs in the process that visits it.
#pragma once

#include <vector>

#include "config/config.h"
#include "doctor/check.h"
#include "doctor/tokens.h"

namespace mortise::doctor {

// Logs in through the PIN latch, unless a PIN that is rejected could not be remembered; then
// keys, crypto and performance of each keyring that uses the token. Throws Error where the
// token is gone.
std::vector<Check> LookInside(const config::Token& token, const config::Config& config,
                              const TokensOrder& order);

}  // namespace mortise::doctor
