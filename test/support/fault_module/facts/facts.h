// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "test/support/fault_module/acts/acts.h"

namespace mortise::test {

// Attributes that a token refuses, does not report, or reports falsely; short labels.
MakeLayer MakeAttributeRules;
// CKA_ALLOWED_MECHANISMS of keys for mechanisms that an act makes of others.
MakeLayer MakeAllowedMechanisms;
// C_GetTokenInfo.
MakeLayer MakeTokenFacts;

}  // namespace mortise::test
