// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "config/config.h"
#include "hsm/scheme/envelope.h"

namespace mortise::hsm {

// Whether NIST approves of a scheme for protecting keys, in words for an auditor. It speaks of
// the algorithm alone: approval belongs to the validated module in its approved mode.
struct Approval {
  bool is_approved = false;
  std::string basis;  // the standard that approves, or why it does not
};

// `iv_mode` is how the token comes by the IVs of aes-gcm; other schemes do not ask.
Approval ApprovalOf(SchemeId scheme, config::IvMode iv_mode);

}  // namespace mortise::hsm
