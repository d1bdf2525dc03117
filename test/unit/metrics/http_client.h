// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "base/file.h"

namespace mortise::metrics {

// A connection to the loopback, with time limits so that a test cannot hang.
inline UniqueFd Connect(int port) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval limit{.tv_sec = 30, .tv_usec = 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fd.Reset();
  return fd;
}

inline bool SendText(const UniqueFd& fd, std::string_view text) {
  return send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(text.size());
}

inline std::string ReadAll(const UniqueFd& fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t n = 0; (n = recv(fd.get(), buffer, sizeof buffer, 0)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(n));
  }
  return text;
}

// The whole reply, headers and all, to "GET /livez" and the like.
inline std::string Ask(int port, const std::string& request, const std::string& headers = "") {
  const UniqueFd fd = Connect(port);
  if (!fd ||
      !SendText(fd, request + " HTTP/1.1\r\nHost: t\r\nConnection: close\r\n" + headers + "\r\n")) {
    return "";
  }
  return ReadAll(fd);
}

}  // namespace mortise::metrics
