// SPDX-License-Identifier: Apache-2.0
#include "server/socket_path.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <thread>

#include "base/error.h"

namespace mortise::server {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestPath = sizeof(sockaddr_un::sun_path) - 1;

[[noreturn]] void Refuse(const std::string& path, const std::string& why) {
  throw Error(Reason::kConfig, fmt::format("socket {}: {}", path, why));
}

[[noreturn]] void FailedBySystem(const std::string& path, const char* call) {
  const bool denied = errno == EACCES || errno == EPERM || errno == EROFS;
  throw Error(denied ? Reason::kPermission : Reason::kConfig,
              fmt::format("socket {}: {}: {}", path, call, ErrnoText(errno)));
}

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() > kLongestPath) {
    Refuse(path,
           fmt::format("has {} bytes; the kernel takes at most {}", path.size(), kLongestPath));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

UniqueFd NewSocket(const std::string& path) {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) FailedBySystem(path, "socket");
  return fd;
}

const char* WhatIs(mode_t mode) {
  if (S_ISLNK(mode)) return "a symbolic link";
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISREG(mode)) return "a plain file";
  if (S_ISFIFO(mode)) return "a FIFO";
  return "not a socket";
}

// A link in a sticky folder such as /tmp may be anybody's.
void RequireTrustedLinks(const std::string& path) {
  fs::path part;
  for (const fs::path& name : fs::path(path).parent_path()) {
    part /= name;
    struct stat status {};
    if (lstat(part.c_str(), &status) != 0 || !S_ISLNK(status.st_mode)) continue;
    if (status.st_uid != 0 && status.st_uid != geteuid()) {
      Refuse(path, fmt::format("{} is a link of uid {}; name the folder itself", part.string(),
                               status.st_uid));
    }
  }
}

void RequireTrustedFolder(const std::string& path) {
  if (!path.starts_with('/') || path.ends_with('/'))
    Refuse(path, "is not an absolute path of a file");
  AddressOf(path);
  RequireTrustedLinks(path);
  const std::string folder = fs::path(path).parent_path();
  if (access(folder.c_str(), F_OK) != 0 && errno == ENOENT) {
    Refuse(path, fmt::format("its folder is missing; run: install -d -m 0700 {}", folder));
  }
  try {
    RequireTrustedPath(folder);
  } catch (const Error& error) {
    Refuse(path, error.what());
  }
}

// Keeps two starts from seeing the same gap. Only advice: whoever can read the folder
// could hold it, so a second is all it gets.
class FolderLock {
 public:
  explicit FolderLock(const std::string& path)
      : fd_(open(fs::path(path).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    for (int tries = 0; fd_ && tries < 100 && flock(fd_.get(), LOCK_EX | LOCK_NB) != 0; ++tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

void RequireUsable(const std::string& path, const PathFinding& found, TakeOver take_over) {
  switch (found.kind) {
    case PathFinding::Kind::kNothing:
      return;
    case PathFinding::Kind::kDeadSocket:
      return;
    case PathFinding::Kind::kOther:
      Refuse(path, fmt::format("{} is there; it is left untouched: move it away", found.what));
    case PathFinding::Kind::kLiveSocket:
      break;
  }
  if (take_over == TakeOver::kNo) {
    Refuse(path,
           "another process serves there; stop it, or replace it without a gap: serve --take-over");
  }
  if (!found.IsOurKind()) {
    Refuse(path, fmt::format("uid {} serves there, this is uid {}: only a predecessor of the same "
                             "user can be replaced",
                             found.listener, geteuid()));
  }
}

}  // namespace

bool PathFinding::IsOurKind() const {
  return kind == Kind::kLiveSocket && owner == geteuid() && listener == geteuid();
}

std::string PathFinding::Describe() const {
  switch (kind) {
    case Kind::kNothing:
      return "nothing";
    case Kind::kDeadSocket:
      return "a socket that nobody serves";
    case Kind::kLiveSocket:
      return fmt::format("a socket served by uid {}", listener);
    case Kind::kOther:
      return what;
  }
  return what;
}

PathFinding LookAt(const std::string& path) {
  using Kind = PathFinding::Kind;
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    FailedBySystem(path, "lstat");
  }
  PathFinding found{.kind = Kind::kOther, .owner = status.st_uid};
  if (!S_ISSOCK(status.st_mode)) {
    found.what = WhatIs(status.st_mode);
    return found;
  }
  const sockaddr_un address = AddressOf(path);
  const UniqueFd probe = NewSocket(path);
  if (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 &&
      errno != EAGAIN) {  // EAGAIN: its backlog is full, so somebody listens
    if (errno == ENOENT) return {};
    if (errno != ECONNREFUSED) FailedBySystem(path, "connect");
    found.kind = Kind::kDeadSocket;
    return found;
  }
  found.kind = Kind::kLiveSocket;
  ucred peer{};
  socklen_t size = sizeof(peer);
  const bool known = getsockopt(probe.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
  found.listener = known ? peer.uid : static_cast<uid_t>(-1);
  return found;
}

void RequireUsablePath(const std::string& path, TakeOver take_over) {
  RequireTrustedFolder(path);
  RequireUsable(path, LookAt(path), take_over);
}

BoundSocket::BoundSocket(const std::string& path, mode_t mode, TakeOver take_over)
    : path_(path), fd_(NewSocket(path)) {
  RequireTrustedFolder(path);
  const FolderLock lock(path);
  if (lock.fd() < 0) FailedBySystem(path, "open its folder");
  const PathFinding found = LookAt(path);
  RequireUsable(path, found, take_over);

  const std::string name = fs::path(path).filename();
  constexpr std::size_t kLongestPart = 60;  // so that the name beside is within the limit too
  const std::string beside = fmt::format(".{}.{}", name.substr(0, kLongestPart), getpid());
  BindBeside(lock.fd(), beside, mode);
  // Without a predecessor nothing may have come up meanwhile; a dead socket is in the way.
  const bool replaces = found.kind != PathFinding::Kind::kNothing;
  if (renameat2(lock.fd(), beside.c_str(), lock.fd(), name.c_str(),
                replaces ? 0 : RENAME_NOREPLACE) != 0) {
    const int error = errno;
    unlinkat(lock.fd(), beside.c_str(), 0);
    errno = error;
    FailedBySystem(path, "rename");
  }
}

// The mode of a socket that is not yet bound is the mode of the file that bind makes
// (less the umask), so there is no moment with a wider one and no umask to change. The
// folder's descriptor keeps the longer name within the limit.
void BoundSocket::BindBeside(int folder, const std::string& name, mode_t mode) {
  const sockaddr_un address = AddressOf(fmt::format("/proc/self/fd/{}/{}", folder, name));
  unlinkat(folder, name.c_str(), 0);  // left by a process of this pid that died just here
  struct stat status {};
  if (fchmod(fd_.get(), mode) != 0) FailedBySystem(path_, "fchmod");
  if (bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    FailedBySystem(path_, "bind");
  }
  if (fchmodat(folder, name.c_str(), mode, 0) != 0 || listen(fd_.get(), SOMAXCONN) != 0 ||
      fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    const int error = errno;
    unlinkat(folder, name.c_str(), 0);
    errno = error;
    FailedBySystem(path_, "listen");
  }
  device_ = status.st_dev;
  inode_ = status.st_ino;
}

bool BoundSocket::IsInPlace() const {
  struct stat status {};
  return lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_;
}

BoundSocket::~BoundSocket() {
  const FolderLock lock(path_);
  if (IsInPlace()) unlink(path_.c_str());
}

}  // namespace mortise::server
