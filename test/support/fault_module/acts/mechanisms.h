// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "test/support/fault_module/layer.h"

namespace mortise::test {

inline constexpr CK_MECHANISM_TYPE kCloudHsmAesGcm = 0x80001087;  // CKM_CLOUDHSM_AES_GCM
inline constexpr CK_MECHANISM_TYPE kAesKeyWrapKwp = 0x210B;       // CKM_AES_KEY_WRAP_KWP

// C_GetMechanismList with one mechanism more than the layer below has.
CK_RV ListWith(CK_MECHANISM_TYPE added, Layer& below, CK_SLOT_ID slot, CK_MECHANISM_TYPE* list,
               CK_ULONG* count);

}  // namespace mortise::test
