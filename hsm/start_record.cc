// SPDX-License-Identifier: Apache-2.0
#include "hsm/start_record.h"

#include <utility>

namespace mortise::hsm {
namespace {

// To a caller all else, a mistake in the configuration say, is a worker that is missing: it
// is no defect, and his call may be repeated.
bool IsTheTokens(Reason reason) {
  return reason == Reason::kUnavailable || reason == Reason::kSessionLost ||
         reason == Reason::kBusy || reason == Reason::kPinRejected;
}

}  // namespace

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
  // It only waited for its turn; PinLatch says so without a return code.
  if (login.unrecorded == UnrecordedLogin::kNotNow && error.reason() == Reason::kBusy &&
      error.ckr() == 0)
    return std::nullopt;
  if (error.reason() == Reason::kPinRejected) {
    // One that was refused its try says nothing of the PIN.
    login_is_doubtful_ |= login.unrecorded == UnrecordedLogin::kAllowed;
  } else if (login.has_begun_unrecorded) {
    login_is_doubtful_ = false;  // the token did not judge the PIN, or took it
  }
  return Note(error);
}

std::optional<Event> StartRecord::Note(const Error& error) {
  problem_reason_ = error.reason();
  problem_ckr_ = error.ckr();
  if (std::exchange(problem_, error.what()) == problem_) return std::nullopt;
  return Event{.severity = Severity::kError,
               .name = error.reason() == Reason::kPinRejected ? "pin_rejected" : "worker_failed",
               .message = "a worker could not start: " + problem_,
               .fields = {{"token", token_}, {"reason", std::string(Name(error.reason()))}}};
}

Error StartRecord::WhyNone() const {
  if (problem_.empty())
    return Error(Reason::kNoWorker, "no worker of token " + token_ + " came up in time");
  return Error(IsTheTokens(problem_reason_) ? problem_reason_ : Reason::kNoWorker,
               "no worker of token " + token_ +
                   " came up in time: " + std::string(Name(problem_reason_)) + ": " + problem_,
               problem_ckr_);
}

}  // namespace mortise::hsm
