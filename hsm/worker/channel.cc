// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/channel.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>

namespace mortise::hsm {
namespace {

ssize_t SendParts(int fd, std::string_view head, std::string_view body, std::string_view more,
                  int flags) {
  std::array<iovec, 3> parts = {{{const_cast<char*>(head.data()), head.size()},
                                 {const_cast<char*>(body.data()), body.size()},
                                 {const_cast<char*>(more.data()), more.size()}}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  ssize_t sent;
  do {
    sent = sendmsg(fd, &message, flags | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

}  // namespace

Channel::Pair Channel::MakePair() {
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
    throw Error(Reason::kInternal, "socketpair: " + ErrnoText(errno));
  }
  Pair pair{UniqueFd(fds[0]), UniqueFd(fds[1])};
  // Twice the largest number of datagrams in flight fits, so the front never finds it full.
  const int size = 1 << 20;
  setsockopt(pair.front.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
  setsockopt(pair.worker.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
  return pair;
}

bool Channel::Send(std::string_view head, std::string_view body) const {
  return SendParts(fd_.get(), head, body, {}, 0) >= 0;
}

Channel::Sent Channel::TrySend(std::string_view head, std::string_view body,
                               std::string_view more) const {
  if (SendParts(fd_.get(), head, body, more, MSG_DONTWAIT) >= 0) return Sent::kYes;
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? Sent::kWouldBlock
                                                                     : Sent::kGone;
}

std::string_view Channel::Receive(std::span<char, kMaxMessageSize> buffer) const {
  iovec part{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  ssize_t got;
  do {
    got = recvmsg(fd_.get(), &message, 0);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return {};
  if ((message.msg_flags & MSG_TRUNC) != 0) {
    throw Error(Reason::kInternal, "a message between front and worker exceeds 8 KiB");
  }
  return {buffer.data(), static_cast<std::size_t>(got)};
}

}  // namespace mortise::hsm
