// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "test/support/fault_module/acts/acts.h"

namespace mortise::test {

// A cipher that does not hide or does not authenticate: below the acts, so that each of
// them is false in the same way.
MakeLayer MakeFalseCipher;
// Outputs and answers that are not what the functions have done: above all else.
MakeLayer MakeFalseResults;

}  // namespace mortise::test
