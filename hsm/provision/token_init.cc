// SPDX-License-Identifier: Apache-2.0
#include "hsm/provision/token_init.h"

#include "base/error.h"
#include "hsm/provision/library.h"
#include "hsm/provision/officer.h"

namespace mortise::hsm {
namespace {

constexpr std::size_t kLabelSize = 32;  // CK_TOKEN_INFO

PKCS11_SLOT& FreeSlot(const Library& library) {
  for (PKCS11_SLOT& slot : library.slots()) {
    if (slot.token != nullptr && !slot.token->initialized) return slot;
  }
  throw Error(Reason::kUnavailable, "no slot of the library has an uninitialised token");
}

void Erase(PKCS11_SLOT& slot, const SecretBytes& so_pin, const std::string& label) {
  // libp11 hands the label on as it is, and C_InitToken reads 32 bytes.
  std::string padded = label;
  padded.resize(kLabelSize, ' ');
  if (PKCS11_init_token(slot.token, PinText(so_pin), padded.c_str()) != 0) {
    FailLibp11("C_InitToken as security officer", "the slot's token could not be initialised");
  }
}

void SetUserPin(PKCS11_SLOT& slot, const SecretBytes& so_pin, const SecretBytes& user_pin) {
  LogInOfficer(slot, so_pin);
  InitUserPin(slot, user_pin);
}

}  // namespace

TokenInit InitializeToken(const std::string& module, const std::string& label,
                          const SecretBytes& so_pin, const SecretBytes& user_pin) {
  if (label.empty() || label.size() > kLabelSize) {
    throw Error(Reason::kConfig, "a token's label has 1 to 32 bytes");
  }
  const SecretBytes so = TerminatedPin(so_pin, "security officer's");
  const SecretBytes user = TerminatedPin(user_pin, "user's");
  const Library library(module);
  if (PKCS11_SLOT* slot = library.FindToken(label, "")) {
    if (slot->token->userPinSet) return TokenInit::kExisted;
    RequireOfficerTries(*slot);
    SetUserPin(*slot, so, user);
    return TokenInit::kCompleted;
  }
  PKCS11_SLOT& slot = FreeSlot(library);
  Erase(slot, so, label);
  SetUserPin(slot, so, user);
  return TokenInit::kMade;
}

bool HasCompleteToken(const std::string& module, const std::string& label) {
  const Library library(module);
  const PKCS11_SLOT* slot = library.FindToken(label, "");
  return slot != nullptr && slot->token->userPinSet;
}

void ReinitializeToken(const std::string& module, const std::string& label,
                       const std::string& serial, const SecretBytes& so_pin,
                       const SecretBytes& user_pin) {
  const SecretBytes so = TerminatedPin(so_pin, "security officer's");
  const SecretBytes user = TerminatedPin(user_pin, "user's");
  const Library library(module);
  PKCS11_SLOT* slot = library.FindToken(label, serial);
  if (slot == nullptr) {
    throw Error(Reason::kConfig, "there is no token \"" + label +
                                     "\" any more; nothing was erased; see `mortise token list`");
  }
  RequireOfficerTries(*slot);
  Erase(*slot, so, label);
  SetUserPin(*slot, so, user);
}

}  // namespace mortise::hsm
