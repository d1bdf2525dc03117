// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "hsm/observer.h"
#include "hsm/worker/token_worker.h"

namespace mortise::hsm {

// What the starts of one token's workers have shown: why none is up, and whether a PIN
// may be sent of which no record can be written (see UnrecordedLogin). Not thread-safe.
class StartRecord {
 public:
  explicit StartRecord(std::string token) : token_(std::move(token)) {}

  // `others_start`: one more login under way at the same time would be a second try.
  StartingLogin Begin(bool others_start) const {
    return {.unrecorded = others_start         ? UnrecordedLogin::kNotNow
                          : login_is_doubtful_ ? UnrecordedLogin::kRefused
                                               : UnrecordedLogin::kAllowed};
  }
  void UnrecordedLoginBegins(StartingLogin& login);
  void Succeeded(Ready description);
  // The event to tell, unless the last failure was the same: once, not every ten seconds.
  std::optional<Event> Failed(const StartingLogin& login, const Error& error);
  // The same of a start that ended without a word, perhaps in the midst of its login.
  std::optional<Event> Vanished(const Error& error) { return Note(error); }

  const std::string& problem() const { return problem_; }  // empty: the last start went well
  Reason problem_reason() const { return problem_reason_; }
  const Ready& description() const { return description_; }  // of the last that went well

  // For what waited in vain.
  Error WhyNone() const;

 private:
  std::optional<Event> Note(const Error& error);

  const std::string token_;
  std::string problem_;
  Reason problem_reason_ = Reason::kNoWorker;
  std::uint64_t problem_ckr_ = 0;
  Ready description_;
  // An unrecorded login was begun and nobody knows that it went well. Only the proof that
  // the PIN is right ends the doubt: each further try could be the one that locks the HSM.
  bool login_is_doubtful_ = false;
};

}  // namespace mortise::hsm
