// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <optional>

#include "base/clock.h"

namespace mortise::hsm {

// Whether a key opens what is good, as of the last second: what an ambiguous return code
// is judged by. Shared by the worker's threads.
class KeyProof {
 public:
  void Proved() { proved_at_ = Now(); }

  // What is known, or else what `opens_canary` finds. Of threads that ask together one
  // finds out, and the others wait for that.
  bool Works(const std::function<bool()>& opens_canary) {
    if (const std::optional<bool> known = Known()) return *known;
    const std::lock_guard lock(finding_out_);
    if (const std::optional<bool> known = Known()) return *known;
    const bool works = opens_canary();
    (works ? proved_at_ : failed_at_) = Now();
    return works;
  }

 private:
  static Clock::rep Now() { return Clock::now().time_since_epoch().count(); }

  std::optional<bool> Known() const {
    const Clock::rep proved = proved_at_;
    const Clock::rep failed = failed_at_;
    const Clock::rep a_second_ago = Now() - Clock::duration(std::chrono::seconds(1)).count();
    if (std::max(proved, failed) <= a_second_ago) return std::nullopt;
    return proved > failed;
  }

  std::mutex finding_out_;
  std::atomic<Clock::rep> proved_at_{0};
  std::atomic<Clock::rep> failed_at_{0};
};

}  // namespace mortise::hsm
