// SPDX-License-Identifier: Apache-2.0
#include "hsm/provision/token_init.h"

#include <libp11.h>
#include <openssl/err.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "base/file.h"
#include "hsm/cryptoki/return_codes.h"

namespace mortise::hsm {
namespace {

constexpr std::size_t kLabelSize = 32;  // CK_TOKEN_INFO

// libp11 leaves the reason in OpenSSL's queue, with the return code where there is one.
[[noreturn]] void Fail(const char* function, const std::string& else_say) {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  if (code != 0 && ERR_GET_LIB(code) == ERR_get_CKR_code()) {
    throw MakeError(static_cast<CK_RV>(ERR_GET_REASON(code)), function);
  }
  throw Error(Reason::kUnavailable, else_say);
}

// libp11 takes PINs as C strings; the copy is wiped like the original.
SecretBytes Terminated(const SecretBytes& pin, const char* whose) {
  const ByteView bytes = pin.view();
  if (bytes.empty() || std::memchr(bytes.data(), 0, bytes.size()) != nullptr) {
    throw Error(Reason::kConfig,
                std::string("the ") + whose +
                    " PIN is empty or holds a zero byte; write it as one line of text");
  }
  SecretBytes text(bytes.size() + 1);
  std::memcpy(text.data(), bytes.data(), bytes.size());
  return text;
}

const char* Text(const SecretBytes& terminated) {
  return reinterpret_cast<const char*>(terminated.view().data());
}

// A PKCS#11 library loaded by libp11, with its slots.
class Library {
 public:
  explicit Library(const std::string& path) {
    if (access(path.c_str(), F_OK) != 0) {
      throw Error(Reason::kConfig,
                  path + ": " + ErrnoText(errno) +
                      "; name the vendor's PKCS#11 library (SoftHSM2: install softhsm2)");
    }
    RequireTrustedPath(path);
    context_ = PKCS11_CTX_new();
    if (PKCS11_CTX_load(context_, path.c_str()) != 0) {
      PKCS11_CTX_free(context_);
      Fail("C_Initialize", path +
                               ": not a PKCS#11 library, or a library that it needs is missing; " +
                               "check `module` and run: ldd " + path);
    }
    loaded_.reset(context_);
    if (PKCS11_enumerate_slots(context_, &slots_, &slot_count_) != 0) {
      Fail("C_GetSlotList", path + ": the library does not list its slots");
    }
  }
  ~Library() { PKCS11_release_all_slots(context_, slots_, slot_count_); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  std::span<PKCS11_SLOT> slots() const { return {slots_, slot_count_}; }

 private:
  struct Unload {
    void operator()(PKCS11_CTX* context) const {
      PKCS11_CTX_unload(context);
      PKCS11_CTX_free(context);
    }
  };
  PKCS11_CTX* context_ = nullptr;
  std::unique_ptr<PKCS11_CTX, Unload> loaded_;
  PKCS11_SLOT* slots_ = nullptr;
  unsigned int slot_count_ = 0;
};

PKCS11_SLOT* SlotWithToken(const Library& library, const std::string& label) {
  PKCS11_SLOT* found = nullptr;
  for (PKCS11_SLOT& slot : library.slots()) {
    if (slot.token == nullptr || !slot.token->initialized || label != slot.token->label) continue;
    if (found != nullptr) {
      throw Error(Reason::kConfig, "two tokens have the label \"" + label +
                                       "\"; remove one, or choose another label");
    }
    found = &slot;
  }
  return found;
}

PKCS11_SLOT& FreeSlot(const Library& library) {
  for (PKCS11_SLOT& slot : library.slots()) {
    if (slot.token != nullptr && !slot.token->initialized) return slot;
  }
  throw Error(Reason::kUnavailable, "no slot of the library has an uninitialised token");
}

void SetUserPin(PKCS11_SLOT& slot, const SecretBytes& so_pin, const SecretBytes& user_pin) {
  if (PKCS11_open_session(&slot, 1) != 0) Fail("C_OpenSession", "no session with the token");
  if (PKCS11_login(&slot, 1, Text(so_pin)) != 0) {
    Fail("C_Login as security officer", "the token refused the security officer's login");
  }
  if (PKCS11_init_pin(slot.token, Text(user_pin)) != 0) {
    Fail("C_InitPIN", "the token refused the user's PIN");
  }
}

}  // namespace

TokenInit InitializeToken(const std::string& module, const std::string& label,
                          const SecretBytes& so_pin, const SecretBytes& user_pin) {
  if (label.empty() || label.size() > kLabelSize) {
    throw Error(Reason::kConfig, "a token's label has 1 to 32 bytes");
  }
  const SecretBytes so = Terminated(so_pin, "security officer's");
  const SecretBytes user = Terminated(user_pin, "user's");
  const Library library(module);
  if (PKCS11_SLOT* slot = SlotWithToken(library, label)) {
    if (slot->token->userPinSet) return TokenInit::kExisted;
    SetUserPin(*slot, so, user);
    return TokenInit::kCompleted;
  }
  PKCS11_SLOT& slot = FreeSlot(library);
  // libp11 hands the label on as it is, and C_InitToken reads 32 bytes.
  std::string padded = label;
  padded.resize(kLabelSize, ' ');
  if (PKCS11_init_token(slot.token, Text(so), padded.c_str()) != 0) {
    Fail("C_InitToken", "the slot's token could not be initialised");
  }
  SetUserPin(slot, so, user);
  return TokenInit::kMade;
}

}  // namespace mortise::hsm
