// SPDX-License-Identifier: Apache-2.0
#include "hsm/provision/officer.h"

#include "base/error.h"
#include "hsm/provision/library.h"

namespace mortise::hsm {

void RequireOfficerTries(const PKCS11_SLOT& slot) {
  const PKCS11_TOKEN& token = *slot.token;
  if (!token.soPinFinalTry && !token.soPinLocked) return;
  throw Error(Reason::kPinRejected,
              std::string("the token says that the security officer's PIN ") +
                  (token.soPinLocked ? "is locked" : "has one try left") +
                  "; it was not sent. Use the vendor's own tool, which can tell what is left");
}

void LogInOfficer(PKCS11_SLOT& slot, const SecretBytes& so_pin) {
  if (PKCS11_open_session(&slot, 1) != 0) FailLibp11("C_OpenSession", "no session with the token");
  if (PKCS11_login(&slot, 1, PinText(so_pin)) != 0) {
    FailLibp11("C_Login as security officer", "the token refused the security officer's login",
               "the user's PIN is as it was. Tries are counted: compare the PIN before the next");
  }
}

void InitUserPin(PKCS11_SLOT& slot, const SecretBytes& user_pin) {
  if (PKCS11_init_pin(slot.token, PinText(user_pin)) != 0) {
    FailLibp11("C_InitPIN", "the token refused the user's new PIN",
               "the user's PIN is as it was; choose one of a length that the token takes");
  }
}

}  // namespace mortise::hsm
