// SPDX-License-Identifier: Apache-2.0
// mortise-token-worker: the only process that holds a PIN, sessions and a vendor's
// library. Started by `mortise serve` with the channel at descriptor 3.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "base/hardening.h"
#include "hsm/worker/worker_process.h"

namespace {

bool IsChannel(int fd) {
  int type = 0;
  socklen_t size = sizeof(type);
  return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

}  // namespace

int main(int argc, char** argv) {
  // Before anything else: a worker must not outlive its front, not even a hung one.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (argc != 3 || !IsChannel(mortise::hsm::kChannelFd)) {
    std::fputs("mortise-token-worker is started by `mortise serve`, not by hand\n", stderr);
    return 2;
  }
  // The front may have ended between its fork and the line above.
  if (getppid() != std::atoi(argv[2])) return 0;
  try {
    mortise::HardenProcess();
    // The front alone ends a worker; a stop signal to the whole group must not lose calls.
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    return mortise::hsm::RunWorker(mortise::UniqueFd(mortise::hsm::kChannelFd));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mortise-token-worker: %s\n", error.what());
    return 1;
  }
}
