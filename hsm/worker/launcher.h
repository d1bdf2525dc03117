// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

#include "base/file.h"

namespace mortise::hsm {

struct LaunchedWorker {
  pid_t pid = -1;
  UniqueFd channel;
};

// Starts worker processes from one executable, opened once: a package upgrade must not
// mix versions. Launch from one long-lived thread only, because a worker dies with
// the *thread* that started it (PR_SET_PDEATHSIG).
class Launcher {
 public:
  // Throws Error(kConfig) when there is no such executable.
  explicit Launcher(const std::string& executable);
  virtual ~Launcher() = default;

  // The worker gets `environment` and nothing of ours, the channel at descriptor 3, and
  // no other descriptor than the standard ones. Throws Error(kInternal).
  virtual LaunchedWorker Launch(const std::string& token,
                                const std::map<std::string, std::string>& environment) const;

 protected:
  Launcher() = default;  // of another kind: a test's

 private:
  UniqueFd executable_;
};

// mortise-token-worker beside the running executable.
std::string WorkerExecutable();

}  // namespace mortise::hsm
