// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/operation_queue.h"

#include <algorithm>
#include <utility>

namespace mortise::hsm {

OperationQueue::OperationQueue(std::size_t limit, std::size_t shares)
    : limit_(limit),
      share_limit_(std::max<std::size_t>(1, limit / std::max<std::size_t>(1, shares))),
      used_(std::max<std::size_t>(1, shares)) {}

bool OperationQueue::PushBack(OperationPtr operation) {
  std::size_t& used = used_[operation->share];
  if (queue_.size() >= limit_ || used >= share_limit_) return false;
  ++used;
  queue_.push_back(std::move(operation));
  return true;
}

void OperationQueue::PushFront(OperationPtr operation) {
  ++used_[operation->share];
  queue_.push_front(std::move(operation));
}

OperationPtr OperationQueue::PopFront() {
  if (queue_.empty()) return nullptr;
  OperationPtr operation = std::move(queue_.front());
  queue_.pop_front();
  --used_[operation->share];
  return operation;
}

}  // namespace mortise::hsm
