// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <vector>

#include "hsm/worker/operation.h"

namespace mortise::hsm {

// The bounded first-in first-out queue of one token. Each keyring has an equal share of
// it, so that a flood on one socket leaves the others their places. Not thread-safe.
class OperationQueue {
 public:
  OperationQueue(std::size_t limit, std::size_t shares);

  // False: full, or this keyring's share is.
  bool PushBack(OperationPtr operation);
  // For what is sent again: it keeps its turn, and its place even in a full queue.
  void PushFront(OperationPtr operation);
  // The next one; null when empty.
  OperationPtr PopFront();

  // Takes out all for which `ended` holds, in their order.
  template <typename Predicate>
  std::vector<OperationPtr> TakeIf(Predicate ended) {
    std::vector<OperationPtr> taken;
    std::erase_if(queue_, [&](const OperationPtr& operation) {
      if (!ended(*operation)) return false;
      --used_[operation->share];
      taken.push_back(operation);
      return true;
    });
    return taken;
  }

  std::size_t size() const { return queue_.size(); }

 private:
  std::size_t limit_;
  std::size_t share_limit_;
  std::vector<std::size_t> used_;
  std::deque<OperationPtr> queue_;
};

}  // namespace mortise::hsm
