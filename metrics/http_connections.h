// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <list>
#include <unordered_map>

namespace mortise::metrics {

// The connections of one HttpEndpoint, in order of their last request. Descriptors are
// shared with the sockets that kube-apiserver needs, so connections to the metrics port
// are few, and a new one is worth more than one that is silent. Used by one thread.
class HttpConnections {
 public:
  static constexpr std::size_t kLimit = 64;

  // Over the limit, the one that has been quiet longest is shut down; its owner then
  // sees its end and calls Remove.
  void Add(int fd);
  void Touch(int fd);
  void Remove(int fd);

 private:
  std::list<int> quietest_first_;
  std::unordered_map<int, std::list<int>::iterator> places_;
};

}  // namespace mortise::metrics
