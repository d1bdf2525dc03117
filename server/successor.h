// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace mortise::server {

// The process that is to take over from this one. It outlives this one, so nothing here
// ends it. Not thread-safe.
class Successor {
 public:
  // Throws Error(kUnavailable) when it cannot be started or an earlier one still runs.
  void Start(const std::vector<std::string>& command);
  // Its exit status as a shell has it (128 + signal), once, after it has ended.
  std::optional<int> Ended();

 private:
  pid_t pid_ = 0;
};

// Where the executable of this process lies; to be asked early, because once an upgrade
// has replaced it the kernel only knows the deleted file. A successor started from the
// path is the upgraded one.
std::string OwnExecutable();

}  // namespace mortise::server
