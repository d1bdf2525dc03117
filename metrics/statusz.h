// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/config.h"
#include "hsm/keyring.h"
#include "metrics/recent_problems.h"

namespace mortise::metrics {

// Everything that /statusz tells, taken at one moment.
struct StatuszFacts {
  struct Keyring {
    std::string name;
    config::Duration staleness{};
    std::shared_ptr<const hsm::KeyringStatus> status;
  };

  std::string version;
  std::string revision;
  pid_t pid = 0;
  Clock::time_point start{};
  Clock::time_point now{};
  WallTime wall_now{};
  std::vector<Keyring> keyrings;
  std::vector<OperationProblem> last_errors;
  std::vector<EventProblem> events;
};

// JSON with stable names. A field that is added leaves schemaVersion alone; a change of
// meaning, type or name raises it.
inline constexpr int kStatuszSchemaVersion = 1;
std::string StatuszJson(const StatuszFacts& facts);

}  // namespace mortise::metrics
