// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/heartbeat.h"
#include "hsm/token.h"

namespace mortise::hsm {

// The one long-lived thread that starts workers and watches their time. Long-lived
// because a worker dies with the thread that started it.
class Supervisor {
 public:
  // Ticks `tokens`, then calls `also`, until destroyed; what they use outlives it.
  Supervisor(std::vector<Token*> tokens, std::function<void(Clock::time_point)> also);
  ~Supervisor();

  const Heartbeat& heartbeat() const { return heartbeat_; }

 private:
  void Run(const std::stop_token& stop);

  const std::vector<Token*> tokens_;
  const std::function<void(Clock::time_point)> also_;
  Heartbeat heartbeat_;
  std::jthread thread_;
};

}  // namespace mortise::hsm
