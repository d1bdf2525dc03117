// SPDX-License-Identifier: Apache-2.0
// The listener's watch over its path: what it does when the socket is no longer there.
#include <fmt/format.h>
#include <sys/epoll.h>

#include <limits>

#include "base/error.h"
#include "server/listener.h"

namespace mortise::server {

// Called twice a second or so. A successor must be seen twice: a client that found the
// old socket just before the rename may still be on its way into our backlog.
void Listener::WatchPath() {
  if (!socket_ || socket_->IsInPlace()) {
    saw_successor_ = false;
    stranger_.clear();
    return;
  }
  try {
    const PathFinding found = LookAt(settings_.socket);
    if (found.kind == PathFinding::Kind::kNothing) return BindAnew();
    if (!found.IsOurKind()) return ReportStranger(found.Describe());
    if (!std::exchange(saw_successor_, true)) return;
  } catch (const Error& error) {
    return ReportStranger(error.what());
  }
  if (is_paused_) ResumeAccepting();
  Accept(std::numeric_limits<int>::max());
  socket_.reset();
  CountOpen();  // before anyone learns that it will only sink
  is_superseded_ = true;
  events_.OnEvent(
      {.severity = hsm::Severity::kInfo,
       .name = "socket_taken_over",
       .message = "another process of this user listens at the path; it serves from now on",
       .fields = {{"keyring", settings_.name}, {"socket", settings_.socket}}});
}

void Listener::BindAnew() {
  auto socket =
      std::make_unique<BoundSocket>(settings_.socket, settings_.socket_mode, TakeOver::kNo);
  if (is_paused_) ResumeAccepting();
  Accept(std::numeric_limits<int>::max());
  socket_ = std::move(socket);
  if (!is_paused_) Watch(socket_->fd(), EPOLLIN);
  stranger_.clear();
  events_.OnEvent({.severity = hsm::Severity::kWarning,
                   .name = "socket_rebound",
                   .message = "the socket had been removed from its path and was made anew",
                   .fields = {{"keyring", settings_.name}, {"socket", settings_.socket}}});
}

void Listener::ReportStranger(const std::string& what) {
  if (stranger_ == what) return;
  stranger_ = what;
  events_.OnEvent(
      {.severity = hsm::Severity::kError,
       .name = "socket_displaced",
       .message = fmt::format("the path does not lead to this process any more ({}); no "
                              "new client can connect. Remove what is there, and the "
                              "socket comes back",
                              what),
       .fields = {{"keyring", settings_.name}, {"socket", settings_.socket}}});
}

}  // namespace mortise::server
