// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "hsm/cryptoki/session.h"
#include "hsm/worker/message.h"

namespace mortise::hsm {

// Logs the token in with the PIN of `hello.pin_file`, through the latch: a PIN that
// was rejected is not tried again in its life. Where the disk cannot remember the try,
// `will_be_unrecorded` is called before it, so that the front remembers. Throws
// Error(kPinRejected) and others.
void LogIn(
    const Module& module, CK_SLOT_ID slot, const Session& session, const Hello& hello,
    const std::function<void()>& will_be_unrecorded = [] {});

}  // namespace mortise::hsm
