// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "hsm/observer.h"

namespace mortise::metrics {

// The last failed operation of one token.
struct OperationProblem {
  WallTime time{};
  std::string token;
  hsm::OperationKind operation{};
  Reason reason{};
  std::uint64_t ckr = 0;
};

struct EventProblem {
  WallTime time{};
  hsm::Severity severity{};
  std::string name;
  std::string message;
  std::vector<std::pair<std::string, std::string>> fields;
};

// What went wrong lately, for someone who looks at /statusz after the fact: the last
// failure of each token and the newest warnings and errors. Thread-safe.
class RecentProblems {
 public:
  static constexpr std::size_t kEvents = 20;

  void Note(const hsm::OperationResult& failed);
  void Note(const hsm::Event& event);  // kInfo is no problem

  std::vector<OperationProblem> Operations() const;
  std::vector<EventProblem> Events() const;  // oldest first

 private:
  mutable std::mutex mutex_;
  std::map<std::string, OperationProblem, std::less<>> operations_;  // guarded by mutex_
  std::deque<EventProblem> events_;                                  // guarded by mutex_
};

}  // namespace mortise::metrics
