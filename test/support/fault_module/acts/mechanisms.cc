// SPDX-License-Identifier: Apache-2.0
#include "test/support/fault_module/acts/mechanisms.h"

namespace mortise::test {

CK_RV ListWith(CK_MECHANISM_TYPE added, Layer& below, CK_SLOT_ID slot, CK_MECHANISM_TYPE* list,
               CK_ULONG* count) {
  if (list == nullptr || *count == 0) {
    const bool asks_for_count = list == nullptr;
    const CK_RV rv = below.GetMechanismList(slot, nullptr, count);
    if (rv == CKR_OK) ++*count;
    return rv == CKR_OK && !asks_for_count ? CKR_BUFFER_TOO_SMALL : rv;
  }
  CK_ULONG size = *count - 1;
  CK_MECHANISM_TYPE* const room = size == 0 ? nullptr : list;
  CK_RV rv = below.GetMechanismList(slot, room, &size);
  if (rv == CKR_OK && room == nullptr && size > 0) rv = CKR_BUFFER_TOO_SMALL;
  if (rv == CKR_OK) list[size] = added;
  if (rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL) *count = size + 1;
  return rv;
}

}  // namespace mortise::test
