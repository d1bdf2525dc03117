// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "config/config.h"
#include "doctor/check.h"
#include "doctor/host.h"

namespace mortise::doctor {

// The folder and the socket of each keyring.
void CheckSockets(const std::vector<config::Keyring>& keyrings, const LookAtSocket& look,
                  CheckList& list);

}  // namespace mortise::doctor
