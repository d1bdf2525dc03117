// SPDX-License-Identifier: Apache-2.0
#include "metrics/http_connections.h"

#include <sys/socket.h>

namespace mortise::metrics {

void HttpConnections::Add(int fd) {
  Remove(fd);
  places_[fd] = quietest_first_.insert(quietest_first_.end(), fd);
  if (quietest_first_.size() <= kLimit) return;
  const int quietest = quietest_first_.front();
  Remove(quietest);
  shutdown(quietest, SHUT_RDWR);
}

void HttpConnections::Touch(int fd) {
  const auto found = places_.find(fd);
  if (found == places_.end()) return;
  quietest_first_.splice(quietest_first_.end(), quietest_first_, found->second);
}

void HttpConnections::Remove(int fd) {
  const auto found = places_.find(fd);
  if (found == places_.end()) return;
  quietest_first_.erase(found->second);
  places_.erase(found);
}

}  // namespace mortise::metrics
