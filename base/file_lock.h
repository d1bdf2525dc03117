// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/file.h"

namespace mortise {

// An exclusive flock, held until destruction; the kernel lets go of it when the
// process dies. It lives in a file of its own, since a file that is replaced by
// rename takes its lock along.
class FileLock {
 public:
  // Makes the file (0600) where it is missing. Nothing after `patience` without the
  // lock; zero tries once. Throws Error(kStateUnusable) where it cannot be opened.
  static std::optional<FileLock> Acquire(const std::string& path, Clock::duration patience);

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace mortise
