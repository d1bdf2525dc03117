// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/clock.h"
#include "test/support/softhsm_token.h"

namespace mortise::test {

// What a test's key differs in from a good one.
struct KeyToMake {
  std::string keyring = "prod";
  std::string context = "cluster-a";
  int generation = 1;
  WallTime activation = WallNow() - std::chrono::minutes(5);
  std::string cka_id;       // empty: 16 random bytes
  bool is_planted = false;  // its value came from outside, which the attributes tell
};

// Makes a KEK in the token, in a child process so that this one stays free of the module.
// Gives its key_id.
std::string MakeKey(const SoftHsmToken& token, const KeyToMake& key = {});

}  // namespace mortise::test
