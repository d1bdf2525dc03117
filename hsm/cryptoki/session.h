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

  // Another one of the same token and kind.
  Session Another() const;

  const CK_FUNCTION_LIST& p11() const { return *p11_; }
  CK_SESSION_HANDLE handle() const { return handle_; }

  // Logs the whole token in. "Already logged in" is success. Call through the PIN
  // latch only: a PIN is tried once.
  void Login(CK_USER_TYPE user_type, ByteView pin) const;

  // Whether this session's token names the mechanism (see the function of that name).
  bool HasMechanism(CK_MECHANISM_TYPE mechanism, CK_FLAGS flags) const;
  // Whether the library has the message functions of PKCS#11 3.0.
  bool HasMessages() const { return p11_v3_ != nullptr; }

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

  // One C_SignInit + C_Sign, as Encrypt.
  std::size_t Sign(CK_MECHANISM mechanism, CK_OBJECT_HANDLE key, ByteView message,
                   std::span<std::uint8_t> out) const;

  // One message of its own: C_MessageEncryptInit, C_EncryptMessage, C_MessageEncryptFinal. The
  // token writes IV and tag to where `parameters` points. Throws Error(kKeyRefused) where
  // HasMessages is false.
  std::size_t EncryptMessage(CK_MECHANISM_TYPE mechanism, v3::CK_GCM_MESSAGE_PARAMS& parameters,
                             CK_OBJECT_HANDLE key, ByteView associated_data, ByteView in,
                             std::span<std::uint8_t> out) const;

 private:
  Session(const CK_FUNCTION_LIST* p11, const v3::CK_FUNCTION_LIST_3_0* p11_v3, CK_SLOT_ID slot,
          bool read_write);
  void Close();

  const CK_FUNCTION_LIST* p11_;
  const v3::CK_FUNCTION_LIST_3_0* p11_v3_;
  CK_SLOT_ID slot_;
  bool read_write_;
  CK_SESSION_HANDLE handle_ = CK_INVALID_HANDLE;
};

// "user", "so", or a vendor's role as a number ("0x80000001").
CK_USER_TYPE ParseUserType(const std::string& text);

}  // namespace mortise::hsm
