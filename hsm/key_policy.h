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

// What a token reports of a wrap key, judged by the attribute policy (DESIGN, Secrets
// and trust). A key that fails may still unwrap: refusing to open what is stored protects
// nothing and stops a cluster.
struct PolicyReport {
  std::vector<AttributeFinding> findings;
  // Whether the token says NEVER_EXTRACTABLE. No waiver lifts that: a key found by its
  // label that does not say so is no key of ours.
  bool is_never_extractable = false;
  // Empty: it may wrap. Else the attributes that forbid it, for a person.
  std::string wrap_problem;
};

PolicyReport JudgeWrapKey(const InventoryEntry& entry, const std::string& token,
                          const config::KeyPolicy& policy);

}  // namespace mortise::hsm
