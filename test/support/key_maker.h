// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/clock.h"
#include "hsm/scheme/scheme_facts.h"
#include "test/support/softhsm_token.h"

namespace mortise::test {

// What a test's key differs in from a good one.
struct KeyToMake {
  std::string keyring = "prod";
  std::string context = "cluster-a";
  int generation = 1;
  WallTime activation = WallNow() - std::chrono::minutes(5);
  std::string label;        // empty: one of our form; else as another tool would name it
  std::string cka_id;       // empty: 16 random bytes
  bool is_planted = false;  // its value came from outside, which the attributes tell
  hsm::SchemeId scheme = hsm::SchemeId::kAesGcm;
  std::string authenticator_id;  // empty: 16 random bytes
  std::string signer = "ed25519";
};

// One object, of a kind that make-key names.
void MakeObject(const SoftHsmToken& token, const std::string& label, const std::string& cka_id,
                const std::string& kind);
// The label of a key's object of that role.
std::string LabelOf(const KeyToMake& key, hsm::KeyRole role = hsm::KeyRole::kWrap);

// Makes a KEK in the token, in a child process so that this one stays free of the module.
// Gives its key_id, but of an RSA key nothing: what names that is in the token.
std::string MakeKey(const SoftHsmToken& token, const KeyToMake& key = {});

}  // namespace mortise::test
