// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "config/config.h"
#include "hsm/supervisor.h"
#include "hsm/token_keyring.h"
#include "hsm/token_monitor.h"

namespace mortise::hsm {

// Everything that a configuration asks of tokens and keys, put together and running:
// tokens with their workers, keyrings, and who looks after them.
class Assembly {
 public:
  // Returns before any token is up. `observer` outlives it. Throws Error(kConfig): no worker
  // executable, or a state folder of somebody else.
  Assembly(const config::Config& config, const std::string& worker_executable, Observer& observer);
  // Ends all workers; what waits is answered with kUnavailable.
  ~Assembly();

  std::vector<Keyring*> keyrings() const;  // in the configuration's order
  std::vector<int> worker_pids() const;
  const Heartbeat& heartbeat() const { return supervisor_->heartbeat(); }

 private:
  std::vector<TokenMonitor::Place> PlacesOf(const Token& token) const;
  TokenGroup GroupFor(const config::Keyring& keyring, std::vector<std::uint32_t>& next_share,
                      Observer& observer);
  void Maintain(const std::stop_token& stop);

  Launcher launcher_;
  StateDir state_dir_;
  WrapBudget budget_;
  KeyClaims claims_;
  std::vector<std::unique_ptr<Token>> tokens_;
  std::vector<std::unique_ptr<TokenKeyring>> keyrings_;
  std::unique_ptr<Supervisor> supervisor_;
  std::vector<std::unique_ptr<TokenMonitor>> monitors_;
  std::jthread maintenance_;
};

}  // namespace mortise::hsm
