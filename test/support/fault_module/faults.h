// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <p11-kit/pkcs11.h>

#include <optional>

#include "test/support/fault_module/functions.h"

namespace mortise::test {

// Records the call and does to it what the control file says. An answer: this
// instead of the real module's. Waits and hangs happen in here.
std::optional<CK_RV> Interfere(Function function);

// Crashes, hangs or answers if `input` holds the bytes that a test has named.
std::optional<CK_RV> InterfereWithBlob(const CK_BYTE* input, CK_ULONG size);

// Flips a bit of a successful output, if that is wanted of this function.
void CorruptOutput(Function function, CK_BYTE* output, const CK_ULONG* size);

// After a successful C_Initialize: sessions opened from now on are good.
void NoteInitialized();

bool TokenIsRemoved();

}  // namespace mortise::test
