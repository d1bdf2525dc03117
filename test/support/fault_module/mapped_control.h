// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "test/support/fault_module/control.h"

namespace mortise::test {

// The control file that the environment names; without one, a control of this process
// in which nothing goes wrong.
Control& TheControl();

}  // namespace mortise::test
