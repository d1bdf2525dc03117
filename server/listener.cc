// SPDX-License-Identifier: Apache-2.0
#include "server/listener.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace mortise::server {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTurn{400};
constexpr milliseconds kAcceptPause{100};
constexpr std::chrono::seconds kLongestSilence{5};
constexpr std::size_t kMostSilent = 1024;
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";  // RFC 9113 §3.4

UniqueFd OrThrow(int fd, const char* call) {
  if (fd < 0) throw Error(Reason::kUnavailable, fmt::format("{}: {}", call, ErrnoText(errno)));
  return UniqueFd(fd);
}

}  // namespace

Listener::Listener(const config::Keyring& settings, int max_connections, TakeOver take_over,
                   Serve serve, hsm::Observer& events, RequestObservers observers)
    : settings_(settings),
      max_connections_(max_connections),
      serve_(std::move(serve)),
      events_(events),
      observers_(std::move(observers)),
      epoll_(OrThrow(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      wake_(OrThrow(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")),
      socket_(std::make_unique<BoundSocket>(settings.socket, settings.socket_mode, take_over)) {
  Watch(wake_.get(), EPOLLIN);
  Watch(socket_->fd(), EPOLLIN);
  thread_ = std::thread([this] { Run(); });
}

Listener::~Listener() {
  Stop();
}

void Listener::Stop() {
  if (!thread_.joinable()) return;
  is_stopping_ = true;
  eventfd_write(wake_.get(), 1);
  thread_.join();
  socket_.reset();
  silent_.clear();
}

void Listener::Watch(int fd, std::uint32_t events) const {
  epoll_event event{.events = events, .data = {.fd = fd}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

void Listener::Run() {
  std::array<epoll_event, 64> events;
  Clock::time_point next_turn = Clock::now();
  while (!is_stopping_) {
    const milliseconds wait = is_paused_ ? kAcceptPause : kTurn;
    const int count = epoll_wait(epoll_.get(), events.data(), events.size(), wait.count());
    for (int i = 0; i < count; ++i) Dispatch(events[i].data.fd);
    CountOpen();
    const Clock::time_point now = Clock::now();
    last_turn_ = now;
    if (is_paused_ && now >= paused_until_) ResumeAccepting();
    if (now < next_turn) continue;
    next_turn = now + kTurn;
    CloseSilentOnes(now);
    WatchPath();
  }
}

// A descriptor that was closed earlier in the same batch, and its number perhaps given
// to a newer connection, is only looked at once too often.
void Listener::Dispatch(int fd) {
  if (socket_ && fd == socket_->fd()) {
    constexpr int kAtOnce = 64;  // so that those already accepted get their turn
    Accept(kAtOnce);
  } else if (silent_.contains(fd)) {
    HearFirstBytes(fd);
  } else if (served_.contains(fd)) {
    // While gRPC's own descriptor is open, closing the copy would not end the watch, and
    // its hang-ups would be taken for those of the next connection with this number.
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    served_.erase(fd);
    for (RequestObserver* observer : observers_) observer->OnConnectionClosed(settings_.name);
  }
}

void Listener::Accept(int at_most) {
  for (int i = 0; i < at_most && !is_paused_; ++i) {
    UniqueFd fd(accept4(socket_->fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) {
      if (errno == EAGAIN) return;
      if (errno != EINTR && errno != ECONNABORTED) PauseAccepting("accept", errno);
      continue;
    }
    ucred credentials{};
    socklen_t size = sizeof(credentials);
    if (getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) continue;
    const Peer peer{credentials.uid, credentials.pid};
    if (!IsAllowed(peer)) continue;
    const int number = fd.get();
    silent_[number] = {std::move(fd), peer, Clock::now() + kLongestSilence};
    Watch(number, EPOLLIN | EPOLLRDHUP | EPOLLET);
    if (silent_.size() > kMostSilent) CloseSilentOnes(Clock::now());
  }
}

bool Listener::IsAllowed(Peer peer) {
  const auto& allowed = settings_.allowed_uids;
  if (std::find(allowed.begin(), allowed.end(), peer.uid) != allowed.end()) return true;
  Reject(Rejection::kUid, "peer_rejected",
         fmt::format("a process of uid {} may not connect; if it should, add it to allowedUids",
                     peer.uid),
         {{"peer_uid", std::to_string(peer.uid)}, {"peer_pid", std::to_string(peer.pid)}});
  return false;
}

// The level of the listening socket stays high, so the only way to rest is to stop watching.
void Listener::PauseAccepting(const char* call, int error) {
  is_paused_ = true;
  paused_until_ = Clock::now() + kAcceptPause;
  if (socket_) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, socket_->fd(), nullptr);
  if (!shortages_.Allow(Clock::now())) return;
  events_.OnEvent({.severity = hsm::Severity::kError,
                   .name = "accept_paused",
                   .message = fmt::format("{}: {}; new connections wait. Raise LimitNOFILE or find "
                                          "out who opens so many",
                                          call, ErrnoText(error)),
                   .fields = {{"keyring", settings_.name}}});
}

void Listener::ResumeAccepting() {
  is_paused_ = false;
  if (socket_) Watch(socket_->fd(), EPOLLIN);
}

// gRPC has no limit for a handshake on a descriptor that it was given, so a connection
// stays here until it has said the whole HTTP/2 preface.
void Listener::HearFirstBytes(int fd) {
  const auto found = silent_.find(fd);
  std::array<char, kPreface.size()> bytes;
  const ssize_t got = recv(fd, bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    silent_.erase(found);
    return;
  }
  const std::string_view heard(bytes.data(), static_cast<std::size_t>(got));
  if (!kPreface.starts_with(heard)) {
    Reject(Rejection::kNotHttp2, "not_http2", "a client that does not speak HTTP/2 was cut off",
           {{"peer_pid", std::to_string(found->second.peer.pid)}});
    silent_.erase(found);
  } else if (heard.size() == kPreface.size()) {
    Silent connection = std::move(found->second);
    silent_.erase(found);
    HandOver(std::move(connection));
  }
}

// gRPC owns the descriptor from here on and tells nobody when it closes it. But it shuts
// the socket down first, and so does a client that leaves; a copy sees both as a hang-up.
// Until the copy is closed gRPC's epoll may still report the descriptor; its records of
// descriptors are pooled, never freed, so that wakes it once for nothing.
void Listener::HandOver(Silent connection) {
  if (std::cmp_greater_equal(served_.size(), max_connections_)) {
    Reject(Rejection::kLimit, "connection_limit",
           fmt::format("all {} connections (maxConnections) are in use; the newest was closed",
                       max_connections_),
           {{"peer_pid", std::to_string(connection.peer.pid)}});
    return;
  }
  UniqueFd copy(fcntl(connection.fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy) {
    PauseAccepting("dup", errno);
    return;
  }
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, connection.fd.get(), nullptr);
  const int number = copy.get();
  served_[number] = std::move(copy);
  Watch(number, 0);  // EPOLLHUP is always reported
  for (RequestObserver* observer : observers_) observer->OnConnectionOpened(settings_.name);
  serve_(std::move(connection.fd), connection.peer);
}

void Listener::CloseSilentOnes(Clock::time_point now) {
  const bool too_many = silent_.size() > kMostSilent;
  std::size_t closed = 0;
  for (auto it = silent_.begin(); it != silent_.end();) {
    const bool expired = it->second.until <= now;
    closed += expired ? 1 : 0;
    it = expired ? silent_.erase(it) : std::next(it);
  }
  if (too_many && closed == 0) {
    silent_.erase(std::min_element(silent_.begin(), silent_.end(), [](auto& a, auto& b) {
      return a.second.until < b.second.until;
    }));
    closed = 1;
  }
  for (; closed > 0; --closed) {
    Reject(Rejection::kSilent, "silent_client",
           "a client that connected and said nothing was cut off");
  }
}

void Listener::Reject(Rejection rejection, const char* event, const std::string& message,
                      std::vector<std::pair<std::string, std::string>> fields) {
  for (RequestObserver* observer : observers_) observer->OnRejection(settings_.name, rejection);
  const auto suppressed = rejections_.Allow(Clock::now());
  if (!suppressed) return;
  fields.insert(fields.begin(), {"keyring", settings_.name});
  if (*suppressed > 0) fields.emplace_back("suppressed", std::to_string(*suppressed));
  events_.OnEvent({hsm::Severity::kWarning, event, message, std::move(fields)});
}

}  // namespace mortise::server
