// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "hsm/worker/message.h"

namespace mortise::hsm {

enum class Finding : std::uint8_t { kPass, kFail, kNotReported, kWaived };
std::string_view Name(Finding finding);  // "pass", "fail", "not_reported", "waived"

struct AttributeFinding {
  std::string_view attribute;  // "CKA_SENSITIVE"
  Finding finding;
};

// What a token reports of a key object, judged by the attribute policy (DESIGN, Secrets
// and trust). A key that fails may still unwrap: refusing to open what is stored protects
// nothing and stops a cluster.
struct PolicyReport {
  std::vector<AttributeFinding> findings;
  // Whether the token says NEVER_EXTRACTABLE, whatever is waived: a key found by its label
  // that does not say so is no key of ours.
  bool is_never_extractable = false;
  // Empty: it may wrap. Else what forbids it, for a person.
  std::string wrap_problem;
};

// Judges the object that plays `role` in a KEK of `scheme`. Of a private key what only
// public keys have (CKA_ENCRYPT, CKA_WRAP, CKA_VERIFY) is not asked for.
PolicyReport JudgeKey(const InventoryEntry& entry, KeyRole role, SchemeId scheme,
                      const std::string& token, const config::Keyring& keyring);

// Why the keyring's policy lets no key of this scheme wrap; empty: it does. Mode fips takes
// no scheme that encrypts outside the token.
std::string SchemeProblem(SchemeId scheme, const config::KeyPolicy& policy);

}  // namespace mortise::hsm
