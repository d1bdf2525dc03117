// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace mortise::hsm {

using GcmIv = std::array<std::uint8_t, 12>;

// Remembers the last IVs of this process and refuses zero and any it has seen: a
// generator that repeats itself gives GCM's authentication key away. Thread-safe.
class RecentIvs {
 public:
  // Throws Error(kProofFailed).
  void Admit(const GcmIv& iv);

 private:
  std::mutex mutex_;
  std::array<GcmIv, 256> ring_{};  // guarded by mutex_
  std::size_t next_ = 0;           // guarded by mutex_
};

}  // namespace mortise::hsm
