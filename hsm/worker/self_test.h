// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hsm/scheme/scheme.h"
#include "hsm/scheme/scheme_facts.h"
#include "hsm/worker/session_keeper.h"

namespace mortise::hsm {

// A KEK, and the scheme that it is used by.
struct TestedKek {
  Scheme& scheme;
  SchemeId id;  // as labelled
  KekObjects objects;
  WrapIdentity identity;
};

// Wraps, and unwraps what came of it; Error(kProofFailed) unless it is the same, with the
// token's return code where it clearly refused its own wrap.
std::string WrapAndOpen(const Session& session, const TestedKek& kek, ByteView seed);

// DESIGN's self-test: two equal wraps differ where they must, both open, and a flipped bit of
// IV, ciphertext, tag or binding fails. Renews the session after each expected failure. Throws
// Error(kProofFailed).
void SelfTest(SessionKeeper& keeper, const TestedKek& kek);

}  // namespace mortise::hsm
