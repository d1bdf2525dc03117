// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "config/config.h"

namespace mortise::hsm {

// What the operator states of a token's certificate, beside what can be seen of it.
struct AssuranceStatus {
  config::Assurance stated;
  bool has_ended = false;  // validUntil is past
  // Whether the token reports the certified firmware. Nothing: one of the two is not known.
  std::optional<bool> firmware_matches;
};

// `reported_firmware` is the token's "major.minor"; PKCS#11 has no more, so a certificate's
// third number is not compared. Empty: no worker has seen the token yet.
AssuranceStatus CompareAssurance(const config::Assurance& stated,
                                 const std::string& reported_firmware, WallTime now);

}  // namespace mortise::hsm
