// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "config/config.h"
#include "hsm/keyring.h"

namespace mortise::metrics {

// A keyring to report on; it outlives whoever holds this.
struct WatchedKeyring {
  const hsm::Keyring* keyring = nullptr;
  config::Duration staleness{};  // statusStaleness
};

// Why this keyring is not ready, in words with a next step; empty when it is: its
// active KEK opened a ciphertext within `staleness` of `now`. Stricter than the
// Status call, which may bridge an outage.
std::string WhyNotReady(const hsm::KeyringStatus& status, config::Duration staleness,
                        Clock::time_point now);

// Why nothing is wrapped although the keyring may be ready: unwrapping, which readiness is
// about, goes on. Empty: it may wrap.
std::string WhyNotWrapping(const hsm::KeyringStatus& status);

// One keyring's line of /readyz: "ready", perhaps with what else is wrong, or why it is not.
std::string ReadinessLine(const hsm::KeyringStatus& status, const std::string& why_not_ready);

}  // namespace mortise::metrics
