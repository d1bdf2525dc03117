// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/digest.h"

namespace mortise::hsm {

// What is kept of a canary's 32 random bytes (FORMATS.md, canaries).
inline Digest CanaryProof(ByteView random) {
  return Sha256().Add(std::string_view("mortise.canary.v1\0", 18)).Add(random).Finish();
}

}  // namespace mortise::hsm
