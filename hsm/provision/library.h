// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libp11.h>

#include <memory>
#include <span>
#include <string>

#include "base/secret_bytes.h"

namespace mortise::hsm {

// A PKCS#11 library loaded and initialised by libp11, with its slots; finalised with this
// object. It is the library's one owner meanwhile: no Module may live beside it.
class Library {
 public:
  // `init_args` is C_Initialize's pReserved string. Throws Error; one broken slot is
  // enough for that, since libp11 then lists none.
  explicit Library(const std::string& path, const std::string& init_args = "");
  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  std::span<PKCS11_SLOT> slots() const { return {slots_, slot_count_}; }

  // The slot of the one initialised token with that label and, unless it is empty, that
  // serial; nullptr: there is none. Throws Error(kConfig) for several.
  PKCS11_SLOT* FindToken(const std::string& label, const std::string& serial) const;

 private:
  struct Unload {
    void operator()(PKCS11_CTX* context) const;
  };
  std::unique_ptr<PKCS11_CTX, Unload> loaded_;
  PKCS11_SLOT* slots_ = nullptr;
  unsigned int slot_count_ = 0;
};

// Throws what libp11 has left in OpenSSL's error queue: the return code of `function`,
// or, where there is none, kUnavailable with `else_say`. `advice` ends the message.
[[noreturn]] void FailLibp11(const char* function, const std::string& else_say,
                             const std::string& advice = "");

// Throws Error(kConfig) for a PIN that is empty or holds a zero byte: libp11 takes PINs
// as C strings. The copy is wiped like the original.
SecretBytes TerminatedPin(const SecretBytes& pin, const char* whose);
inline const char* PinText(const SecretBytes& terminated) {
  return reinterpret_cast<const char*>(terminated.view().data());
}

}  // namespace mortise::hsm
