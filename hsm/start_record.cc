// SPDX-License-Identifier: Apache-2.0
#include "hsm/start_record.h"

#include <utility>

namespace mortise::hsm {

void StartRecord::UnrecordedLoginBegins(StartingLogin& login) {
  login.has_begun_unrecorded = true;
  login_is_doubtful_ = true;
}

void StartRecord::Succeeded(Ready description) {
  description_ = std::move(description);
  problem_.clear();
  login_is_doubtful_ = false;
}

std::optional<Event> StartRecord::Failed(const StartingLogin& login, const Error& error) {
  if (error.reason() == Reason::kPinRejected) {
    // One that was refused its try says nothing of the PIN.
    login_is_doubtful_ |= login.may_be_unrecorded;
  } else if (login.has_begun_unrecorded) {
    login_is_doubtful_ = false;  // the token did not judge the PIN, or took it
  }
  return Note(error);
}

std::optional<Event> StartRecord::Note(const Error& error) {
  problem_reason_ = error.reason();
  if (std::exchange(problem_, error.what()) == problem_) return std::nullopt;
  return Event{.severity = Severity::kError,
               .name = error.reason() == Reason::kPinRejected ? "pin_rejected" : "worker_failed",
               .message = "a worker could not start: " + problem_,
               .fields = {{"token", token_}, {"reason", std::string(Name(error.reason()))}}};
}

Error StartRecord::WhyNone() const {
  if (problem_.empty())
    return Error(Reason::kNoWorker, "no worker of token " + token_ + " came up in time");
  return Error(problem_reason_, "no worker of token " + token_ + " came up in time: " + problem_);
}

}  // namespace mortise::hsm
