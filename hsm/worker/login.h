// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hsm/cryptoki/session.h"
#include "hsm/worker/message.h"

namespace mortise::hsm {

// Logs the token in with the PIN of `hello.pin_file`, through the latch: a PIN that
// was rejected is not tried again in its life. Throws Error(kPinRejected) and others.
void LogIn(const Module& module, CK_SLOT_ID slot, const Session& session, const Hello& hello);

}  // namespace mortise::hsm
