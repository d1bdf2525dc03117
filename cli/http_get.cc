// SPDX-License-Identifier: Apache-2.0
#include "cli/http_get.h"

#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <string_view>

#include "base/error.h"
#include "base/file.h"

namespace mortise::cli {
namespace {

constexpr std::size_t kAnswerLimit = 16 << 20;

// Waits until `fd` can do what `events` names.
void Await(int fd, short events, Deadline deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd entry{.fd = fd, .events = events, .revents = 0};
    const int ready = poll(&entry, 1, static_cast<int>(std::clamp<long>(left, 0, 60'000)));
    if (ready > 0) return;
    if (ready == 0 && left <= 0) {
      throw Error(Reason::kTimeout, "no answer in time; is the process stopped or overloaded?");
    }
    if (ready < 0 && errno != EINTR) throw Error(Reason::kUnavailable, ErrnoText(errno));
  }
}

// Connected, or with the error in `failure`.
UniqueFd ConnectTo(const addrinfo& address, Deadline deadline, int& failure) {
  UniqueFd fd(socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  failure = 0;
  if (!fd ||
      (connect(fd.get(), address.ai_addr, address.ai_addrlen) != 0 && errno != EINPROGRESS)) {
    failure = errno;
    return {};
  }
  Await(fd.get(), POLLOUT, deadline);
  socklen_t size = sizeof failure;
  getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &failure, &size);
  if (failure != 0) fd.Reset();
  return fd;
}

UniqueFd ConnectToAny(const HttpUrl& url, Deadline deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int unknown = getaddrinfo(url.host.c_str(), url.port.c_str(), &hints, &found);
  if (unknown != 0) {
    throw Error(Reason::kUnavailable, fmt::format("{}: {}", url.host, gai_strerror(unknown)));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  int failure = 0;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    if (UniqueFd fd = ConnectTo(*address, deadline, failure)) return fd;
  }
  throw Error(Reason::kUnavailable, ErrnoText(failure));
}

void SendAll(int fd, std::string_view text, Deadline deadline) {
  while (!text.empty()) {
    const ssize_t sent = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      text.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      Await(fd, POLLOUT, deadline);
    } else if (errno != EINTR) {
      throw Error(Reason::kUnavailable, ErrnoText(errno));
    }
  }
}

std::string ReadToEnd(int fd, Deadline deadline) {
  std::string text;
  char buffer[16384];
  while (text.size() <= kAnswerLimit) {
    const ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got == 0) return text;
    if (got > 0) {
      text.append(buffer, static_cast<std::size_t>(got));
    } else if (errno == EAGAIN) {
      Await(fd, POLLIN, deadline);
    } else if (errno != EINTR) {
      throw Error(Reason::kUnavailable, ErrnoText(errno));
    }
  }
  throw Error(Reason::kInternal, "the answer is longer than any page of mortise");
}

// The declared length, or that of what has come when none is declared.
std::size_t DeclaredLength(std::string head, std::size_t received) {
  std::transform(head.begin(), head.end(), head.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  constexpr std::string_view kName = "\r\ncontent-length:";
  const std::size_t at = head.find(kName);
  if (at == head.npos) return received;
  const std::size_t digits = head.find_first_not_of(' ', at + kName.size());
  std::size_t length = 0;
  if (digits != head.npos) {
    std::from_chars(head.data() + digits, head.data() + head.size(), length);
  }
  return length;
}

HttpPage Parse(const std::string& answer) {
  HttpPage page;
  const std::size_t head_end = answer.find("\r\n\r\n");
  const std::size_t status = answer.find(' ') + 1;
  if (answer.rfind("HTTP/1.", 0) != 0 || head_end == answer.npos || status > head_end ||
      std::from_chars(answer.data() + status, answer.data() + head_end, page.status).ec !=
          std::errc()) {
    throw Error(Reason::kInternal, "what answers there does not speak HTTP");
  }
  page.body = answer.substr(head_end + 4);
  if (page.body.size() < DeclaredLength(answer.substr(0, head_end), page.body.size())) {
    throw Error(Reason::kInternal, "the answer broke off; was the process stopped just now?");
  }
  return page;
}

}  // namespace

HttpUrl::HttpUrl(const std::string& text) {
  constexpr std::string_view kScheme = "http://";
  const std::size_t slash = text.find('/', kScheme.size());
  const std::string authority = text.substr(std::min(text.size(), kScheme.size()),
                                            slash == text.npos ? slash : slash - kScheme.size());
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.find(':', bracket == authority.npos ? 0 : bracket);
  host = authority.substr(0, colon);
  port = colon == authority.npos ? "80" : authority.substr(colon + 1);
  path = slash == text.npos ? "/" : text.substr(slash);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  const bool is_clean = std::all_of(text.begin(), text.end(), [](char c) { return c > ' '; });
  if (text.rfind(kScheme, 0) != 0 || host.empty() || port.empty() || !is_clean) {
    throw Error(Reason::kConfig,
                fmt::format("{}: not a URL that can be asked here; write for example "
                            "http://127.0.0.1:9464",
                            text));
  }
}

HttpPage HttpGet(const HttpUrl& url, Deadline deadline) {
  const UniqueFd fd = ConnectToAny(url, deadline);
  SendAll(
      fd.get(),
      fmt::format("GET {} HTTP/1.0\r\nHost: {}\r\nConnection: close\r\n\r\n", url.path, url.host),
      deadline);
  return Parse(ReadToEnd(fd.get(), deadline));
}

}  // namespace mortise::cli
