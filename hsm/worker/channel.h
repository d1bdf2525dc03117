// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>

#include "base/file.h"
#include "hsm/worker/message.h"

namespace mortise::hsm {

// One end of the SOCK_SEQPACKET pair between front and worker. Any thread may send or
// receive; the kernel keeps datagrams whole.
class Channel {
 public:
  explicit Channel(UniqueFd fd) : fd_(std::move(fd)) {}

  struct Pair {
    UniqueFd front, worker;
  };
  static Pair MakePair();

  // The worker's end: waits while the front reads slowly. False: the front is gone.
  bool Send(std::string_view head, std::string_view body) const;

  enum class Sent { kYes, kWouldBlock, kGone };
  // The front's end: never waits, never raises SIGPIPE. kWouldBlock means that the
  // worker does not take its messages, which a healthy one always does.
  Sent TrySend(std::string_view head, std::string_view body, std::string_view more = {}) const;

  // The next datagram, in `buffer`; empty at the end. Throws Error(kInternal) for one
  // larger than the protocol allows: a reply must never be read in part.
  std::string_view Receive(std::span<char, kMaxMessageSize> buffer) const;

  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

}  // namespace mortise::hsm
