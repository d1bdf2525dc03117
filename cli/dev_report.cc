// SPDX-License-Identifier: Apache-2.0
#include "cli/dev_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace mortise::cli {

std::string DevJson(const DevReport& report) {
  const nlohmann::ordered_json json = {{"socket", report.socket},
                                       {"metricsUrl", report.metrics_url},
                                       {"keyId", report.key_id},
                                       {"frontPid", report.front_pid},
                                       {"workerPids", report.worker_pids}};
  return json.dump() + "\n";
}

std::string NextSteps(const DevReport& report, const std::string& folder) {
  std::string text = fmt::format(
      "Serving keyring dev at {}, key_id {}.\n"
      "  try it:             mortise probe --socket {}\n",
      report.socket, report.key_id, report.socket);
  if (!report.metrics_url.empty()) {
    text += fmt::format("  its metrics:        curl {}\n", report.metrics_url);
  }
  text += fmt::format(
      "  for kube-apiserver: --encryption-provider-config={0}/encryption-config.yaml\n"
      "  for scripts:        {0}/dev.json\n"
      "Stop it with Ctrl-C. The same command goes on with the same key; remove {0} to be rid of "
      "all.\n",
      folder);
  return text;
}

}  // namespace mortise::cli
