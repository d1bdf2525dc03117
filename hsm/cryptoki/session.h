// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "base/bytes.h"
#include "hsm/cryptoki/module.h"

namespace mortise::hsm {

// An open Cryptoki session, closed on destruction. Not thread-safe: Cryptoki allows
// one active operation per session. Closing never logs out by itself, because login
// belongs to the token and its other sessions share it; closing the last one does.
class Session {
 public:
  // Throws Error, often kBusy: the token has no session left.
  Session(const Module& module, CK_SLOT_ID slot, bool read_write);
  ~Session();
  Session(Session&& other) noexcept;
  Session& operator=(Session&& other) noexcept;

  const CK_FUNCTION_LIST& p11() const { return *p11_; }
  CK_SESSION_HANDLE handle() const { return handle_; }

  // Logs the whole token in. "Already logged in" is success. Call through the PIN
  // latch only: a PIN is tried once.
  void Login(CK_USER_TYPE user_type, ByteView pin) const;

  // From the token's own generator.
  void FillRandom(std::span<std::uint8_t> bytes) const;

  // One C_EncryptInit + C_Encrypt, or the inverse; gives the output's length. There is
  // no length query: tokens answer it wrongly, so `out` has fixed, ample room.
  // PKCS#11 v2.40 §5.8: a failed call ends the operation, yet some tokens stay
  // wedged; so after any Error this session must be closed.
  std::size_t Encrypt(CK_MECHANISM mechanism, CK_OBJECT_HANDLE key, ByteView in,
                      std::span<std::uint8_t> out) const;
  std::size_t Decrypt(CK_MECHANISM mechanism, CK_OBJECT_HANDLE key, ByteView in,
                      std::span<std::uint8_t> out) const;

 private:
  void Close();

  const CK_FUNCTION_LIST* p11_;
  CK_SESSION_HANDLE handle_ = CK_INVALID_HANDLE;
};

// "user", "so", or a vendor's role as a number ("0x80000001").
CK_USER_TYPE ParseUserType(const std::string& text);

}  // namespace mortise::hsm
