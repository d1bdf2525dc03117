// SPDX-License-Identifier: Apache-2.0
#include "cli/socket_check.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

namespace mortise::cli {
namespace {

using std::string_view_literals::operator""sv;

// RFC 9113 §3.4: the client's preface and an empty SETTINGS frame.
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"sv;
constexpr std::size_t kFrameHeader = 9;
constexpr char kSettingsFrame = 0x04;

SocketFinding FromConnectError(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return {SocketState::kMissing, ErrnoText(error)};
    case EACCES:
    case EPERM:
      return {SocketState::kPermissionDenied, ErrnoText(error)};
    case ECONNREFUSED:
      return {SocketState::kNobodyListens, ErrnoText(error)};
    case ENOTSOCK:
    case EPROTOTYPE:
      return {SocketState::kNotASocket, ErrnoText(error)};
    default:
      return {SocketState::kSilent, ErrnoText(error)};
  }
}

int Connect(int fd, const SocketAddress& address) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const std::size_t zero = address.is_abstract() ? 1 : 0;
  std::memcpy(name.sun_path + zero, address.path().data(), address.path().size());
  const auto size = offsetof(sockaddr_un, sun_path) + 1 + address.path().size();
  return connect(fd, reinterpret_cast<const sockaddr*>(&name), static_cast<socklen_t>(size));
}

// Whether there is something to read before the deadline; an error counts as something.
bool WaitReadable(int fd, Deadline deadline) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  pollfd entry{fd, POLLIN, 0};
  return left > 0 && poll(&entry, 1, static_cast<int>(left)) > 0;
}

SocketFinding Greet(int fd, Deadline deadline) {
  if (send(fd, kPreface.data(), kPreface.size(), MSG_NOSIGNAL) < 0 && errno != EPIPE) {
    return {SocketState::kSilent, ErrnoText(errno)};
  }
  char answer[kFrameHeader];
  std::size_t have = 0;
  while (have < sizeof answer) {
    if (!WaitReadable(fd, deadline)) return {SocketState::kSilent, ""};
    const ssize_t got = recv(fd, answer + have, sizeof answer - have, 0);
    if (got <= 0) break;
    have += static_cast<std::size_t>(got);
  }
  if (have == 0) return {SocketState::kClosedAtOnce, ""};
  // RFC 9113 §3.4: what a server sends first is a SETTINGS frame.
  const bool is_settings = have == sizeof answer && answer[3] == kSettingsFrame;
  return {is_settings ? SocketState::kSpeaksHttp2 : SocketState::kOtherProtocol, ""};
}

}  // namespace

SocketFinding CheckSocket(const SocketAddress& address, std::chrono::milliseconds timeout) {
  const Deadline deadline = Clock::now() + timeout;
  struct stat entry {};
  if (!address.is_abstract() && stat(address.path().c_str(), &entry) == 0 &&
      !S_ISSOCK(entry.st_mode)) {
    return {SocketState::kNotASocket, S_ISDIR(entry.st_mode) ? "it is a folder" : "it is a file"};
  }
  // Without SOCK_NONBLOCK, connect would wait for ever on a full backlog.
  const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) throw Error(Reason::kUnavailable, "cannot make a socket: " + ErrnoText(errno));
  if (Connect(fd.get(), address) != 0) {
    // A full backlog: whoever listens does not accept.
    if (errno == EAGAIN) return {SocketState::kSilent, "its queue of new connections is full"};
    return FromConnectError(errno);
  }
  return Greet(fd.get(), deadline);
}

}  // namespace mortise::cli
