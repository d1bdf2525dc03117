// SPDX-License-Identifier: Apache-2.0
// What a discovery makes of a token's objects, before anything is known of their past.
#pragma once

#include <string>
#include <vector>

#include "hsm/acceptance.h"
#include "hsm/observer.h"

namespace mortise::hsm {

// How an object in a token is told from others. Not unique: anyone who may create objects
// can give one another's name.
struct ObjectName {
  std::string label, cka_id;
  bool operator==(const ObjectName&) const = default;
};

// Objects of one token that make a KEK together, if it is one of the keyring.
struct FoundKek {
  Candidate candidate;       // what is judged is judged of all its objects
  ObjectName wrap;           // its label tells this one from others of the same key_id
  ObjectName authenticator;  // a MAC or signer key; empty where the scheme has none
  std::string wrap_problem;  // of the attribute policy; empty: it may wrap
};

struct Discovered {
  std::vector<FoundKek> keks;
  std::vector<Event> remarks;  // each is said once, however often it is found again
};

}  // namespace mortise::hsm
