// SPDX-License-Identifier: Apache-2.0
#include "cli/status_url.h"

#include <fmt/format.h>

#include "base/error.h"

namespace mortise::cli {

std::string StatusUrl(const std::string& metrics_address) {
  const std::size_t colon = metrics_address.rfind(':');
  if (colon == metrics_address.npos) {
    throw Error(Reason::kConfig,
                "metrics.address is empty, so nothing answers: set it, for example "
                "to 127.0.0.1:9464, and start mortise again");
  }
  std::string host = metrics_address.substr(0, colon);
  const std::string port = metrics_address.substr(colon + 1);
  if (port == "0") {
    throw Error(Reason::kConfig,
                fmt::format("metrics.address {} leaves the port to the system: give the one that "
                            "the log names by --url http://HOST:PORT",
                            metrics_address));
  }
  if (host.empty() || host == "0.0.0.0") host = "127.0.0.1";
  if (host == "[::]") host = "[::1]";
  return fmt::format("http://{}:{}", host, port);
}

}  // namespace mortise::cli
