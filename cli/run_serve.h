// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/exit_code.h"
#include "config/config.h"

namespace mortise::cli {

// What whoever serves wants to know, from other threads.
struct ServeHooks {
  std::vector<std::string> successor;  // the command line that SIGUSR2 starts; empty: none
  bool take_over = false;
  std::string port_advice;  // what else to do where the metrics port is taken; ", or ..."
  // About once a second while it serves, with what there is to know.
  struct Facts {
    std::string metrics_url;  // empty: metrics are off, or the port is not ours yet
    std::string key_id;       // active in the first keyring; empty: none yet
    std::vector<int> worker_pids;
  };
  std::function<void(const Facts&)> on_facts;
};

// The whole service, until it is told to stop: `mortise serve` and `mortise dev`. Call
// before any thread is started. Throws Error when it must not serve at all.
ExitCode RunServe(const config::Config& config, const ServeHooks& hooks);

}  // namespace mortise::cli
