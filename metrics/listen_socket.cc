// SPDX-License-Identifier: Apache-2.0
#include "metrics/listen_socket.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

#include "base/error.h"

namespace mortise::metrics {
namespace {

constexpr int kBacklog = 128;

[[noreturn]] void ThrowCannotListen(const std::string& address, int error_number) {
  const bool is_refused = error_number == EACCES || error_number == EPERM;
  const char* next = error_number == EADDRINUSE
                         ? "another process has the port: stop it, or set metrics.address to "
                           "another port (0 = any free one)"
                         : "set metrics.address to an address and port of this machine that this "
                           "user may use";
  throw Error(is_refused ? Reason::kPermission : Reason::kUnavailable,
              fmt::format("metrics.address {}: cannot listen there ({}); {}", address,
                          ErrnoText(error_number), next));
}

// getaddrinfo takes 70000 for 4464.
bool IsPort(const std::string& text) {
  int port = -1;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  return failure == std::errc() && end == text.data() + text.size() && port >= 0 && port <= 65535;
}

}  // namespace

ListenAddress::ListenAddress(const std::string& text) : text_(text) {
  const std::size_t colon = text.rfind(':');
  std::string host = text.substr(0, colon);
  const std::string port = colon == text.npos ? "" : text.substr(colon + 1);
  const bool is_bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (is_bracketed) host = host.substr(1, host.size() - 2);
  // A node must come up without a name server, so names are not looked up.
  if (host == "localhost") host = "127.0.0.1";
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (!IsPort(port) || (!is_bracketed && host.find(':') != host.npos) ||
      getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &found) != 0) {
    throw Error(Reason::kConfig,
                fmt::format("metrics.address {}: not host:port; write a numeric address and a "
                            "port from 0 to 65535, such as 127.0.0.1:9464 or [::1]:9464",
                            text));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  std::memcpy(&address_, found->ai_addr, found->ai_addrlen);
  size_ = found->ai_addrlen;
}

UniqueFd ListenAddress::Listen() const {
  UniqueFd fd(socket(address_.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (!fd || setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      bind(fd.get(), reinterpret_cast<const sockaddr*>(&address_), size_) != 0 ||
      listen(fd.get(), kBacklog) != 0) {
    ThrowCannotListen(text_, errno);
  }
  return fd;
}

int BoundPort(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

}  // namespace mortise::metrics
