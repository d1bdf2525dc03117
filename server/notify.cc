// SPDX-License-Identifier: Apache-2.0
#include "server/notify.h"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cstdlib>

namespace mortise::server {

void Notify::Ready(bool is_successor) {
  if (is_successor) sd_notify(0, fmt::format("MAINPID={}", getpid()).c_str());
  sd_notify(0, "READY=1");
}

void Notify::Status(const std::string& text) {
  if (text == last_status_) return;
  last_status_ = text;
  sd_notify(0, fmt::format("STATUS={}", text).c_str());
}

void Notify::Stopping() {
  sd_notify(0, "STOPPING=1\nSTATUS=stopping");
}

// The unit's WATCHDOG_PID is the predecessor's in a successor, which has become the main
// process all the same; so the process number is not compared.
std::optional<std::chrono::microseconds> Notify::WatchdogInterval() const {
  const char* const text = getenv("WATCHDOG_USEC");
  if (text == nullptr) return std::nullopt;
  const long long interval = atoll(text);
  if (interval <= 0) return std::nullopt;
  return std::chrono::microseconds(interval) / 2;
}

void Notify::Watchdog() {
  sd_notify(0, "WATCHDOG=1");
}

}  // namespace mortise::server
