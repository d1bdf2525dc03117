// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <p11-kit/pkcs11.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>

namespace mortise::test {

// An operation that a session has begun. Thread-safe; what is found is used by the
// session's own thread only, as the standard demands of callers. Costs next to nothing
// while it is empty.
template <typename Operation>
class SessionMap {
 public:
  Operation& Begin(CK_SESSION_HANDLE session) {
    const std::lock_guard lock(mutex_);
    auto& operation = operations_[session];
    operation = std::make_unique<Operation>();
    size_ = operations_.size();
    return *operation;
  }
  Operation* Find(CK_SESSION_HANDLE session) {
    if (size_ == 0) return nullptr;
    const std::lock_guard lock(mutex_);
    const auto found = operations_.find(session);
    return found == operations_.end() ? nullptr : found->second.get();
  }
  std::unique_ptr<Operation> End(CK_SESSION_HANDLE session) {
    if (size_ == 0) return nullptr;
    const std::lock_guard lock(mutex_);
    const auto found = operations_.find(session);
    if (found == operations_.end()) return nullptr;
    auto operation = std::move(found->second);
    operations_.erase(found);
    size_ = operations_.size();
    return operation;
  }

 private:
  std::mutex mutex_;
  std::map<CK_SESSION_HANDLE, std::unique_ptr<Operation>> operations_;
  std::atomic<std::size_t> size_{0};
};

}  // namespace mortise::test
