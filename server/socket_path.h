// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>

#include "base/file.h"

namespace mortise::server {

// Whether a live socket at the path may be replaced: `serve --take-over` only.
enum class TakeOver { kNo, kYes };

// What stands at a path now; a socket is tried with connect.
struct PathFinding {
  enum class Kind { kNothing, kDeadSocket, kLiveSocket, kOther };
  Kind kind = Kind::kNothing;
  uid_t owner = 0;     // of the file
  uid_t listener = 0;  // of a live socket: the uid that listens there
  std::string what{};  // of kOther: "a symbolic link", "a folder", ...

  // A live socket that belongs to this very user, file and listener both.
  bool IsOurKind() const;
  std::string Describe() const;  // "a plain file", "a socket of uid 1000", ...
};
PathFinding LookAt(const std::string& path);

// Throws Error(kConfig) with what to do, unless a socket could be made at `path`: its
// folder is trusted, and there is nothing there, or a dead socket, or one to take over.
void RequireUsablePath(const std::string& path, TakeOver take_over);

// A listening socket at a path. It appears there atomically, with its final mode, and
// is removed again only if what stands there is still this socket.
class BoundSocket {
 public:
  // Throws as RequireUsablePath, and Error(kPermission) where the system refuses.
  BoundSocket(const std::string& path, mode_t mode, TakeOver take_over);
  ~BoundSocket();
  BoundSocket(const BoundSocket&) = delete;
  BoundSocket& operator=(const BoundSocket&) = delete;

  int fd() const { return fd_.get(); }
  bool IsInPlace() const;  // the path still leads to this socket

 private:
  void BindBeside(int folder, const std::string& name, mode_t mode);

  const std::string path_;
  UniqueFd fd_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace mortise::server
