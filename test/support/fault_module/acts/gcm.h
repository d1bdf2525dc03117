// SPDX-License-Identifier: Apache-2.0
// What the acts about CKM_AES_GCM share.
#pragma once

#include <optional>
#include <vector>

#include "test/support/fault_module/layer.h"

namespace mortise::test {

inline constexpr CK_ULONG kGcmTagSize = 16;

// Null: malformed.
const CK_GCM_PARAMS* GcmParameters(const CK_MECHANISM* mechanism);

bool IsGcm(const CK_MECHANISM* mechanism);

// The IV that a token makes: from its generator, unless it lies.
CK_RV MakeIv(Layer& below, CK_SESSION_HANDLE session, std::vector<CK_BYTE>& iv);

// Tells, before a cipher begins, whether `key` exists and has `use` (CKA_ENCRYPT...).
CK_RV CheckUse(Layer& below, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key,
               CK_ATTRIBUTE_TYPE use);

// An answer without any output: to the length query, and to a buffer that is too small.
std::optional<CK_RV> AnswerWithoutRoom(const CK_BYTE* out, CK_ULONG* out_size, CK_ULONG needed);

}  // namespace mortise::test
