// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <mutex>
#include <string>
#include <unordered_map>

namespace mortise::server {

// Who is at the other end of a connection, as the kernel says.
struct Peer {
  uid_t uid = 0;
  pid_t pid = 0;
};

// gRPC calls the peer of a descriptor that it was given "fd:N"; this remembers whose
// N is. An entry is overwritten when the kernel gives the number to another connection.
class PeerTable {
 public:
  void Set(int fd, Peer peer);
  // "uid 0 pid 4711" for "fd:12"; anything else comes back as it is.
  std::string Describe(const std::string& grpc_peer) const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<int, Peer> peers_;  // guarded by mutex_
};

}  // namespace mortise::server
