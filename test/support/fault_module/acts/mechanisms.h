// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "test/support/fault_module/layer.h"

namespace mortise::test {

// C_GetMechanismList with one mechanism more than the layer below has.
CK_RV ListWith(CK_MECHANISM_TYPE added, Layer& below, CK_SLOT_ID slot, CK_MECHANISM_TYPE* list,
               CK_ULONG* count);

}  // namespace mortise::test
