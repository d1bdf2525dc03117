// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"

namespace mortise::hsm {

// The one answer to a ciphertext that is not good, whatever is wrong with it: no oracle.
[[noreturn]] inline void RefuseCiphertext() {
  throw Error(Reason::kCiphertextRefused, "ciphertext refused");
}

}  // namespace mortise::hsm
