// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/login.h"

#include "base/file.h"
#include "hsm/cryptoki/slot.h"
#include "hsm/worker/pin_latch.h"

namespace mortise::hsm {

void LogIn(const Module& module, CK_SLOT_ID slot, const Session& session, const Hello& hello,
           const std::function<void()>& will_be_unrecorded) {
  const TokenDescription token = DescribeToken(module, slot);
  const SecretBytes pin = ReadSecretFile(hello.pin_file);
  // An HSM counts it as a wrong one.
  if (pin.empty()) {
    throw Error(Reason::kConfig, "token " + hello.token_name + ": the first line of its pinFile " +
                                     hello.pin_file + " is empty; put the PIN there");
  }
  const TokenPinFlags flags{.count_low = (token.flags & CKF_USER_PIN_COUNT_LOW) != 0,
                            .final_try = (token.flags & CKF_USER_PIN_FINAL_TRY) != 0,
                            .locked = (token.flags & CKF_USER_PIN_LOCKED) != 0};
  PinLatch latch(hello.state_dir, hello.token_name, token.serial);
  PinLatch::Attempt attempt = latch.Begin(pin.view(), flags, hello.unrecorded_login);
  if (!attempt.is_recorded()) will_be_unrecorded();
  try {
    session.Login(ParseUserType(hello.user_type), pin.view());
  } catch (const Error& error) {
    if (error.reason() == Reason::kPinRejected) {
      attempt.Rejected(error.ckr());
      throw Error(Reason::kPinRejected,
                  "token " + hello.token_name + ": it rejected the PIN that " + hello.pin_file +
                      " holds (" + error.what() + "); do not retry: put the right PIN into " +
                      hello.pin_file,
                  error.ckr());
    }
    attempt.NotJudged();
    throw;
  }
  attempt.Succeeded();
}

}  // namespace mortise::hsm
