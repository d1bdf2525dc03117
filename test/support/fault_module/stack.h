// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "test/support/fault_module/real_module.h"

namespace mortise::test {

// Every act, lie and false fact on top of `real`, for the rest of the process; the
// upper one of them all.
Layer& StackOn(RealModule& real);

}  // namespace mortise::test
