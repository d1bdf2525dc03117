// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace mortise::cli {

// What `mortise dev` tells programs by dev.json, and people in words.
struct DevReport {
  std::string socket;
  std::string metrics_url;  // "http://127.0.0.1:41234/metrics"; empty: metrics are off, or the port
                            // is taken
  std::string key_id;
  pid_t front_pid = 0;
  std::vector<pid_t> worker_pids;
  bool operator==(const DevReport&) const = default;
};

std::string DevJson(const DevReport& report);
std::string NextSteps(const DevReport& report, const std::string& folder);

}  // namespace mortise::cli
