// SPDX-License-Identifier: Apache-2.0
#include "server/peer_table.h"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

namespace mortise::server {

void PeerTable::Set(int fd, Peer peer) {
  const std::lock_guard lock(mutex_);
  peers_[fd] = peer;
}

std::string PeerTable::Describe(const std::string& grpc_peer) const {
  constexpr std::string_view kPrefix = "fd:";
  int fd = -1;
  if (!grpc_peer.starts_with(kPrefix)) return grpc_peer;
  std::from_chars(grpc_peer.data() + kPrefix.size(), grpc_peer.data() + grpc_peer.size(), fd);
  const std::lock_guard lock(mutex_);
  const auto found = peers_.find(fd);
  if (found == peers_.end()) return grpc_peer;
  return fmt::format("uid {} pid {}", found->second.uid, found->second.pid);
}

}  // namespace mortise::server
