// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace mortise::server {

// What systemd is told (sd_notify); without systemd nothing happens. Not thread-safe.
class Notify {
 public:
  // The sockets accept. With `is_successor` this process becomes the unit's main one.
  void Ready(bool is_successor);
  void Status(const std::string& text);  // only when it differs from the last
  void Stopping();

  // How often Watchdog must be called at least; nothing: nobody asks.
  std::optional<std::chrono::microseconds> WatchdogInterval() const;
  void Watchdog();

 private:
  std::string last_status_;
};

}  // namespace mortise::server
