// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"

namespace mortise::hsm {

// The state folder (FORMATS: state folder). Making one makes what is missing of it, 0700.
// Its files are read and written by KeyHistory, WrapBudget, CanaryStore and the PIN latch.
class StateDir {
 public:
  // Throws Error(kConfig) when the folder belongs to somebody else, can be written by
  // others, or is none: its content could then be anyone's. Everything else that is wrong
  // with it is a problem() that the service survives.
  explicit StateDir(std::string path);

  // Why nothing may be wrapped and no key admitted: the folder cannot be made or
  // written, is full, damaged, or of a newer version. Unwrapping goes on. Looks anew at each call,
  // and writes a file the first time, each minute and as long as that fails, so it is for the
  // maintenance thread. Thread-safe.
  std::optional<std::string> problem() const;

  // A write below the folder failed: the next problem() tries one itself.
  void NoteFailedWrite() const;

  const std::string& path() const { return path_; }

 private:
  void RequireWritable() const;

  std::string path_;
  mutable std::mutex mutex_;
  mutable std::optional<Clock::time_point> written_at_;  // guarded by mutex_; last time it could
};

}  // namespace mortise::hsm
