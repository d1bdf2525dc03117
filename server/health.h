// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/clock.h"
#include "config/config.h"
#include "hsm/keyring.h"

namespace mortise::server {

// What the Status RPC says. Writes of the cluster stop when it is not `is_available`
// for three minutes; healthz other than "ok" alone never stops them.
struct HealthAnswer {
  bool is_available = false;
  std::string healthz;  // "ok", or what is wrong; also the error's text when not available
  std::string key_id;   // empty when not available

  bool operator==(const HealthAnswer&) const = default;
};

// From memory alone. A proof younger than statusStaleness is health, whatever a token
// does meanwhile. After that policy bridge answers for bridgeLimit more.
HealthAnswer JudgeHealth(const hsm::KeyringStatus& status, const config::Keyring& settings,
                         Clock::time_point now);

}  // namespace mortise::server
