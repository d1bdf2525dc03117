// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "config/config.h"
#include "hsm/cryptoki/session.h"
#include "hsm/scheme/envelope.h"

namespace mortise::hsm {

// What a key's attributes do not tell: whether its scheme can wrap on a token at all.
struct WrapOutlook {
  config::IvMode iv_mode = config::IvMode::kAuto;  // of aes-gcm, where it could be found out
  std::string problem;                             // empty: nothing speaks against it
};

// For commands: asks a token that is logged in to, on throw-away keys, and the keyring's policy.
// A service finds the same out by the key's self-test.
WrapOutlook OutlookOf(const Session& session, SchemeId scheme, const config::Token& token,
                      const config::KeyPolicy& policy);

}  // namespace mortise::hsm
