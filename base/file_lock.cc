// SPDX-License-Identifier: Apache-2.0
#include "base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <thread>

#include "base/error.h"

namespace mortise {

std::optional<FileLock> FileLock::Acquire(const std::string& path, Clock::duration patience) {
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  // Where nothing can be written any more, a file or folder that is there can be locked still.
  if (!fd) fd = UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw Error(Reason::kStateUnusable, path + ": " + ErrnoText(errno));

  const Deadline deadline = Clock::now() + patience;
  while (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) throw Error(Reason::kStateUnusable, path + ": " + ErrnoText(errno));
    if (Clock::now() >= deadline) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return FileLock(std::move(fd));
}

}  // namespace mortise
