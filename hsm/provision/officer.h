// SPDX-License-Identifier: Apache-2.0
// What the security officer does to a token, and how a refusal of it is told.
#pragma once

#include <libp11.h>

#include "base/secret_bytes.h"

namespace mortise::hsm {

// Throws Error(kPinRejected) where a wrong PIN of the security officer could lock it: an
// officer's lock is for good. For an initialised token only: SoftHSM2 calls the officer of
// a blank one locked, and libp11 keeps what it read before C_InitToken.
void RequireOfficerTries(const PKCS11_SLOT& slot);

// PINs as TerminatedPin makes them. Throw Error, often kPinRejected.
void LogInOfficer(PKCS11_SLOT& slot, const SecretBytes& so_pin);
void InitUserPin(PKCS11_SLOT& slot, const SecretBytes& user_pin);

}  // namespace mortise::hsm
