// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>

#include "base/bytes.h"

namespace mortise::hsm {

// Remembers the last IVs of this process and refuses zero and any it has seen: a
// generator that repeats itself gives GCM's authentication key away. Once that has
// happened, no further one is taken. Thread-safe.
class RecentIvs {
 public:
  // Of 12 or 16 bytes. Throws Error(kProofFailed).
  void Admit(ByteView iv);
  // Throws Error(kProofFailed) once Distrust was called, or Admit has refused.
  void RequireTrust();
  void Distrust(const std::string& why);

 private:
  // The length tells an IV of 12 bytes from the same one with zeros behind it.
  struct Seen {
    std::array<std::uint8_t, 16> bytes{};
    std::size_t size = 0;
    bool operator==(const Seen&) const = default;
  };
  void ThrowIfDistrusted() const;

  std::mutex mutex_;
  std::array<Seen, 256> ring_{};  // guarded by mutex_
  std::size_t next_ = 0;          // guarded by mutex_
  std::string distrust_;          // guarded by mutex_; empty: none
};

}  // namespace mortise::hsm
