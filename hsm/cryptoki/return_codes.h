// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <p11-kit/pkcs11.h>

#include <string>
#include <string_view>

#include "base/error.h"

namespace mortise::hsm {

// The one table of return codes. GENERAL_ERROR, FUNCTION_FAILED and ARGUMENTS_BAD
// say nothing by themselves (SoftHSM 2.6.1 answers GENERAL_ERROR for a tampered GCM
// tag): they are ambiguous, classify as kInternal, and the canary decides what they meant.
Reason Classify(CK_RV rv);
bool IsAmbiguous(CK_RV rv);

// Whether an unwrap may fail so because of its ciphertext; for an ambiguous code, too.
bool MayBeRefusal(CK_RV rv);

// "CKR_PIN_LOCKED"; "CKR_0x80000001" for a vendor's own. A closed set, fit for a label.
std::string CkrName(CK_RV rv);

// "C_Login: The PIN is locked (CKR_PIN_LOCKED)"
Error MakeError(CK_RV rv, std::string_view function);

// The choke point: every Cryptoki call passes through here.
//   Check(p11.C_Login(...), "C_Login");
inline void Check(CK_RV rv, std::string_view function) {
  if (rv != CKR_OK) throw MakeError(rv, function);
}

}  // namespace mortise::hsm
