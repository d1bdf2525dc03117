// SPDX-License-Identifier: Apache-2.0
#include "base/hardening.h"

#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "base/error.h"

namespace mortise {

void BindSymbolsAtStart(char** argv) {
  if (getenv("LD_BIND_NOW") != nullptr || getauxval(AT_SECURE) != 0) return;
  std::error_code unknown;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", unknown);
  if (unknown || setenv("LD_BIND_NOW", "1", 0) != 0) return;
  execv(self.c_str(), argv);
}

void HardenProcess() {
  const rlimit none{0, 0};
  if (prctl(PR_SET_DUMPABLE, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0 ||
      prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    throw Error(Reason::kInternal, "cannot harden this process: " + ErrnoText(errno));
  }
}

}  // namespace mortise
