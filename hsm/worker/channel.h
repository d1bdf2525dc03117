// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
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
  struct Datagram {
    std::string_view head, body, more;
  };
  // The front's end: never waits, never raises SIGPIPE; all with one system call.
  // kWouldBlock means that the worker does not take its messages, which a healthy one
  // always does.
  Sent TrySend(std::span<const Datagram> datagrams) const;

  // The next datagram, in `buffer`; empty at the end. Throws Error(kInternal) for one
  // larger than the protocol allows: a reply must never be read in part.
  std::string_view Receive(std::span<char, kMaxMessageSize> buffer) const;

  // Several datagrams received together.
  static constexpr std::size_t kBatch = 8;
  struct Batch {
    std::array<std::array<char, kMaxMessageSize>, kBatch> space;
    std::array<std::string_view, kBatch> datagrams;
  };
  // Waits for one, and takes those that are there with it; none at the end. Throws as above.
  std::span<const std::string_view> Receive(Batch& batch) const;

  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

}  // namespace mortise::hsm
