// SPDX-License-Identifier: Apache-2.0
#include "metrics/recent_problems.h"

namespace mortise::metrics {

void RecentProblems::Note(const hsm::OperationResult& failed) {
  if (!failed.failure) return;
  // A caller that left says nothing about the token.
  if (*failed.failure == Reason::kCancelled) return;
  const std::lock_guard lock(mutex_);
  auto found = operations_.find(failed.token);
  if (found == operations_.end()) {
    found = operations_.emplace(std::string(failed.token), OperationProblem{}).first;
    found->second.token = found->first;
  }
  OperationProblem& problem = found->second;
  problem.time = WallNow();
  problem.operation = failed.kind;
  problem.reason = *failed.failure;
  problem.ckr = failed.ckr;
}

void RecentProblems::Note(const hsm::Event& event) {
  if (event.severity == hsm::Severity::kInfo) return;
  EventProblem problem{WallNow(), event.severity, std::string(event.name), event.message,
                       event.fields};
  const std::lock_guard lock(mutex_);
  if (events_.size() == kEvents) events_.pop_front();
  events_.push_back(std::move(problem));
}

std::vector<OperationProblem> RecentProblems::Operations() const {
  const std::lock_guard lock(mutex_);
  std::vector<OperationProblem> all;
  for (const auto& [token, problem] : operations_) all.push_back(problem);
  return all;
}

std::vector<EventProblem> RecentProblems::Events() const {
  const std::lock_guard lock(mutex_);
  return {events_.begin(), events_.end()};
}

}  // namespace mortise::metrics
