// SPDX-License-Identifier: Apache-2.0
#include "hsm/provision/token_pin.h"

#include <p11-kit/pkcs11.h>

#include "base/error.h"
#include "hsm/provision/library.h"
#include "hsm/provision/officer.h"

namespace mortise::hsm {
namespace {

PKCS11_SLOT& Find(const Library& library, const TokenName& name) {
  PKCS11_SLOT* slot = library.FindToken(name.label, name.serial);
  if (slot != nullptr) return *slot;
  throw Error(Reason::kConfig, "the library shows no token \"" + name.label + "\"" +
                                   (name.serial.empty() ? "" : " with the serial " + name.serial) +
                                   "; see `mortise token list`");
}

}  // namespace

void SetUserPin(const TokenName& name, const SecretBytes& so_pin, const SecretBytes& new_pin) {
  const SecretBytes so = TerminatedPin(so_pin, "security officer's");
  const SecretBytes user = TerminatedPin(new_pin, "user's new");
  const Library library(name.module, name.init_args);
  PKCS11_SLOT& slot = Find(library, name);
  RequireOfficerTries(slot);
  LogInOfficer(slot, so);
  InitUserPin(slot, user);
}

void ChangeUserPin(const TokenName& name, const SecretBytes& pin, const SecretBytes& new_pin) {
  const SecretBytes old_text = TerminatedPin(pin, "user's");
  const SecretBytes new_text = TerminatedPin(new_pin, "user's new");
  const Library library(name.module, name.init_args);
  PKCS11_SLOT& slot = Find(library, name);
  if (slot.token->userPinLocked || slot.token->userPinFinalTry) {
    throw Error(Reason::kPinRejected,
                std::string("the token says that the user's PIN ") +
                    (slot.token->userPinLocked ? "is locked" : "has one try left") +
                    "; it was not sent. The security officer can give a new one: "
                    "`mortise token pin set`");
  }
  if (PKCS11_open_session(&slot, 1) != 0) FailLibp11("C_OpenSession", "no session with the token");
  if (PKCS11_change_pin(&slot, PinText(old_text), PinText(new_text)) != 0) {
    FailLibp11("C_SetPIN", "the token refused the change", "the PIN is as it was");
  }
}

bool IsAboutNewPin(std::uint64_t ckr) {
  return ckr == CKR_PIN_INVALID || ckr == CKR_PIN_LEN_RANGE;
}

}  // namespace mortise::hsm
