// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <unordered_set>

#include "base/clock.h"

namespace mortise::server {

class PendingCall;

// The calls of one server, so that a stop can end them: gRPC itself waits for those that
// nobody answers, however long that takes. Thread-safe.
class PendingCalls {
 public:
  void OnOffered();
  // False once a stop has begun: the call is not counted, and must be failed at once.
  bool OnBegun(PendingCall* call);
  void OnAnswered(PendingCall* call);
  void OnGone();  // an offer or a call is no more

  // Waits until all are answered or `deadline`, then ends the rest UNAVAILABLE.
  void EndAll(Deadline deadline);
  // Until no event of any is to come: after the server's shutdown, which cancels what a
  // client does not take.
  void WaitUntilGone();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  bool is_stopping_ = false;
  std::size_t alive_ = 0;
  std::unordered_set<PendingCall*> unanswered_;
};

}  // namespace mortise::server
