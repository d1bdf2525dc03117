// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <utility>

#include "base/secret_bytes.h"

namespace mortise {

// A file descriptor, closed on destruction.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  ~UniqueFd() { Reset(); }
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      Reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }
  void Reset();
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// Whole file, at most `limit` bytes. Throws Error(kPermission) or Error(kUnavailable).
std::string ReadFile(const std::string& path, std::size_t limit = 1 << 20);

// Temporary file beside it, fsync, rename, fsync of the folder: after a power
// cut the old text or the new one is there, never a part. Throws Error(kStateUnusable).
void WriteFileAtomically(const std::string& path, std::string_view text, mode_t mode = 0600);

// Unlinks and fsyncs the folder; false when there was no such file. Throws Error(kStateUnusable).
bool RemoveFile(const std::string& path);

// Throws Error(kPermission), naming the culprit and the cure, unless `path` and every
// folder above it belong to root or this process's user and can be written by no one
// else (a sticky folder such as /tmp passes). `path` itself may be a link; its target
// is judged, and so are the folders above the target.
void RequireTrustedPath(const std::string& path);

// As RequireTrustedPath, and the file is also unreadable by group and others. A link
// must stay inside its own folder, as in the volumes that Kubernetes makes.
void RequireSecretFile(const std::string& path);

// The first line of a PIN file, without its line end. The buffer never leaves SecretBytes.
SecretBytes ReadSecretFile(const std::string& path);

}  // namespace mortise
