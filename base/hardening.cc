// SPDX-License-Identifier: Apache-2.0
#include "base/hardening.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>

#include "base/error.h"

namespace mortise {

void HardenProcess() {
  const rlimit none{0, 0};
  if (prctl(PR_SET_DUMPABLE, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0 ||
      prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    throw Error(Reason::kInternal, "cannot harden this process: " + ErrnoText(errno));
  }
}

}  // namespace mortise
