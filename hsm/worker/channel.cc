// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/channel.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

namespace mortise::hsm {
namespace {

using Parts = std::array<iovec, 3>;

Parts PartsOf(const Channel::Datagram& datagram) {
  const auto part = [](std::string_view text) {
    return iovec{const_cast<char*>(text.data()), text.size()};
  };
  return {part(datagram.head), part(datagram.body), part(datagram.more)};
}

[[noreturn]] void ThrowTooLong() {
  throw Error(Reason::kInternal, "a message between front and worker exceeds 8 KiB");
}

// A peer that ended without reading all is an error once; what it sent is still there.
bool IsWorthAnotherCall(int error_number) {
  return error_number == EINTR || error_number == ECONNRESET;
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
  Parts parts = PartsOf({head, body, {}});
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  ssize_t sent;
  do {
    sent = sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent >= 0;
}

Channel::Sent Channel::TrySend(std::span<const Datagram> datagrams) const {
  std::array<Parts, kBatch> parts;
  std::array<mmsghdr, kBatch> messages{};
  while (!datagrams.empty()) {
    const std::size_t size = std::min(datagrams.size(), kBatch);
    for (std::size_t i = 0; i < size; ++i) {
      parts[i] = PartsOf(datagrams[i]);
      messages[i].msg_hdr.msg_iov = parts[i].data();
      messages[i].msg_hdr.msg_iovlen = parts[i].size();
    }
    const int sent = sendmmsg(fd_.get(), messages.data(), static_cast<unsigned>(size),
                              MSG_DONTWAIT | MSG_NOSIGNAL);
    // A short count has an error behind it, which the next call names.
    if (sent > 0) {
      datagrams = datagrams.subspan(static_cast<std::size_t>(sent));
    } else if (errno != EINTR) {
      return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? Sent::kWouldBlock
                                                                         : Sent::kGone;
    }
  }
  return Sent::kYes;
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
  if ((message.msg_flags & MSG_TRUNC) != 0) ThrowTooLong();
  return {buffer.data(), static_cast<std::size_t>(got)};
}

std::span<const std::string_view> Channel::Receive(Batch& batch) const {
  std::array<iovec, kBatch> parts;
  std::array<mmsghdr, kBatch> messages{};
  for (std::size_t i = 0; i < kBatch; ++i) {
    parts[i] = {batch.space[i].data(), batch.space[i].size()};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  int got;
  do {
    got = recvmmsg(fd_.get(), messages.data(), kBatch, MSG_WAITFORONE, nullptr);
  } while (got < 0 && IsWorthAnotherCall(errno));
  std::size_t size = 0;
  for (; size < static_cast<std::size_t>(std::max(got, 0)); ++size) {
    if (messages[size].msg_len == 0) break;  // the end
    if ((messages[size].msg_hdr.msg_flags & MSG_TRUNC) != 0) ThrowTooLong();
    batch.datagrams[size] = {batch.space[size].data(), messages[size].msg_len};
  }
  return {batch.datagrams.data(), size};
}

}  // namespace mortise::hsm
