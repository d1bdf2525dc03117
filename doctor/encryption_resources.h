// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "config/encryption_config.h"
#include "doctor/check.h"

namespace mortise::doctor {

// Which resources are encrypted, and which better were not.
void JudgeResources(const config::EncryptionConfig& encryption, const std::string& file,
                    CheckList& list);

// Whether a name of the rule stands for `resource`, which is "secrets" or
// "leases.coordination.k8s.io": itself, "*.<group>", "*." (the core group) or "*.*".
bool Covers(const config::EncryptionRule& rule, std::string_view resource);

}  // namespace mortise::doctor
