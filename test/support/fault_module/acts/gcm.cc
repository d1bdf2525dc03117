// SPDX-License-Identifier: Apache-2.0
#include "test/support/fault_module/acts/gcm.h"

#include <algorithm>

#include "test/support/fault_module/played.h"

namespace mortise::test {

const CK_GCM_PARAMS* GcmParameters(const CK_MECHANISM* mechanism) {
  if (mechanism->pParameter == nullptr || mechanism->ulParameterLen != sizeof(CK_GCM_PARAMS)) {
    return nullptr;
  }
  const auto* parameters = static_cast<const CK_GCM_PARAMS*>(mechanism->pParameter);
  return parameters->ulTagBits == kGcmTagSize * 8 ? parameters : nullptr;
}

bool IsGcm(const CK_MECHANISM* mechanism) {
  return mechanism != nullptr && mechanism->mechanism == CKM_AES_GCM;
}

CK_RV MakeIv(Layer& below, CK_SESSION_HANDLE session, std::vector<CK_BYTE>& iv) {
  if (Plays(Lie::kSameIv)) {
    std::fill(iv.begin(), iv.end(), CK_BYTE{0xa5});
    return CKR_OK;
  }
  return below.GenerateRandom(session, iv.data(), iv.size());
}

CK_RV CheckUse(Layer& below, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key,
               CK_ATTRIBUTE_TYPE use) {
  CK_BBOOL allowed = CK_FALSE;
  CK_ATTRIBUTE wanted{use, &allowed, sizeof(allowed)};
  const CK_RV rv = below.GetAttributeValue(session, key, &wanted, 1);
  if (rv == CKR_OBJECT_HANDLE_INVALID) return CKR_KEY_HANDLE_INVALID;
  if (rv != CKR_OK) return rv;
  return allowed == CK_TRUE ? CKR_OK : CKR_KEY_FUNCTION_NOT_PERMITTED;
}

std::optional<CK_RV> AnswerWithoutRoom(const CK_BYTE* out, CK_ULONG* out_size, CK_ULONG needed) {
  if (out != nullptr && *out_size >= needed) return std::nullopt;
  *out_size = needed;
  return out == nullptr ? CKR_OK : CKR_BUFFER_TOO_SMALL;
}

}  // namespace mortise::test
