// SPDX-License-Identifier: Apache-2.0
#include "server/health.h"

#include <fmt/format.h>

#include "base/bytes.h"

namespace mortise::server {
namespace {

HealthAnswer Unavailable(std::string why) {
  return {false, std::move(why), {}};
}

long Seconds(Clock::duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

}  // namespace

HealthAnswer JudgeHealth(const hsm::KeyringStatus& status, const config::Keyring& settings,
                         Clock::time_point now) {
  if (status.fatal) {
    return Unavailable(
        fmt::format("the active key cannot be used: {}", Name(status.fatal->reason())));
  }
  if (status.active_key_id.empty() || !status.last_proof) {
    constexpr std::size_t kLongest = 200;
    return Unavailable(
        fmt::format("starting: waiting for {}", status.waiting_for.empty()
                                                    ? "the first proof of the active key"
                                                    : Printable(status.waiting_for, kLongest)));
  }
  const Clock::duration age = now - *status.last_proof;
  if (age <= settings.status_staleness) return {true, "ok", status.active_key_id};

  const std::string unproved =
      fmt::format("no token has proved the active key for {} s", Seconds(age));
  switch (settings.status_policy) {
    case config::StatusPolicy::kStrict:
      return Unavailable(unproved);
    case config::StatusPolicy::kBridge:
      break;
  }
  const Clock::duration left = settings.status_staleness + settings.bridge_limit - age;
  if (left < Clock::duration::zero()) return Unavailable(unproved);
  return {true, fmt::format("{}; bridging for {} s more", unproved, Seconds(left)),
          status.active_key_id};
}

}  // namespace mortise::server
