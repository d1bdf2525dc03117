// SPDX-License-Identifier: Apache-2.0
// Part of the category crypto: which schemes a token proves on throw-away keys.
#pragma once

#include <vector>

#include "config/config.h"
#include "doctor/check.h"
#include "hsm/cryptoki/session.h"
#include "hsm/worker/scheme_probe.h"

namespace mortise::doctor {

// Every scheme by secret keys, aes-gcm in the configured IV mode or in all; those by RSA, whose
// keys take an HSM seconds to make, where one of the keyrings wants them or nothing else is
// proved. Throws Error where the token is gone.
hsm::ProbeTable TrySchemes(const hsm::Session& session, const config::Token& token,
                           const std::vector<config::Keyring>& keyrings);

// What they came to, and whether each keyring's scheme is among them.
void JudgeSchemes(const hsm::ProbeTable& table, const config::Token& token,
                  const std::vector<config::Keyring>& keyrings, CheckList& list);

}  // namespace mortise::doctor
