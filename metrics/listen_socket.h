// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <string>

#include "base/file.h"

namespace mortise::metrics {

// Where to listen: a numeric address or localhost, and a port: "127.0.0.1:9464",
// "[::1]:9464", ":9464" (everywhere).
class ListenAddress {
 public:
  // Throws Error(kConfig) when it cannot be read.
  explicit ListenAddress(const std::string& text);

  // A TCP socket that listens without blocking. SO_REUSEADDR, so that a restart does not
  // wait for old connections; never SO_REUSEPORT, so that the port has one owner.
  // Throws Error(kPermission) or Error(kUnavailable).
  UniqueFd Listen() const;

  const std::string& text() const { return text_; }

 private:
  std::string text_;
  sockaddr_storage address_{};
  socklen_t size_ = 0;
};

// The port that a socket is really bound to.
int BoundPort(int fd);

}  // namespace mortise::metrics
