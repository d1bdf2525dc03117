// SPDX-License-Identifier: Apache-2.0
#include "hsm/cryptoki/session.h"

#include <charconv>
#include <utility>

#include "hsm/cryptoki/return_codes.h"

namespace mortise::hsm {
namespace {

// Cryptoki takes its inputs by pointers to non-const, and does not write to them.
CK_BYTE* Unconst(ByteView bytes) {
  return const_cast<CK_BYTE*>(bytes.data());
}

}  // namespace

Session::Session(const Module& module, CK_SLOT_ID slot, bool read_write)
    : Session(&module.p11(), module.p11_v3(), slot, read_write) {}

Session::Session(const CK_FUNCTION_LIST* p11, const v3::CK_FUNCTION_LIST_3_0* p11_v3,
                 CK_SLOT_ID slot, bool read_write)
    : p11_(p11), p11_v3_(p11_v3), slot_(slot), read_write_(read_write) {
  const CK_FLAGS flags = CKF_SERIAL_SESSION | (read_write ? CKF_RW_SESSION : 0);
  Check(p11_->C_OpenSession(slot, flags, nullptr, nullptr, &handle_), "C_OpenSession");
}

Session::~Session() {
  Close();
}

Session::Session(Session&& other) noexcept
    : p11_(other.p11_),
      p11_v3_(other.p11_v3_),
      slot_(other.slot_),
      read_write_(other.read_write_),
      handle_(std::exchange(other.handle_, CK_INVALID_HANDLE)) {}

Session& Session::operator=(Session&& other) noexcept {
  if (this == &other) return *this;
  Close();
  p11_ = other.p11_;
  p11_v3_ = other.p11_v3_;
  slot_ = other.slot_;
  read_write_ = other.read_write_;
  handle_ = std::exchange(other.handle_, CK_INVALID_HANDLE);
  return *this;
}

void Session::Close() {
  if (handle_ != CK_INVALID_HANDLE) p11_->C_CloseSession(std::exchange(handle_, CK_INVALID_HANDLE));
}

Session Session::Another() const {
  return Session(p11_, p11_v3_, slot_, read_write_);
}

void Session::Login(CK_USER_TYPE user_type, ByteView pin) const {
  const CK_RV rv = p11_->C_Login(handle_, user_type, Unconst(pin), pin.size());
  if (rv != CKR_USER_ALREADY_LOGGED_IN) Check(rv, "C_Login");
}

bool Session::HasMechanism(CK_MECHANISM_TYPE mechanism, CK_FLAGS flags) const {
  return hsm::HasMechanism(*p11_, slot_, mechanism, flags);
}

void Session::FillRandom(std::span<std::uint8_t> bytes) const {
  Check(p11_->C_GenerateRandom(handle_, bytes.data(), bytes.size()), "C_GenerateRandom");
}

std::size_t Session::Encrypt(CK_MECHANISM mechanism, CK_OBJECT_HANDLE key, ByteView in,
                             std::span<std::uint8_t> out) const {
  Check(p11_->C_EncryptInit(handle_, &mechanism, key), "C_EncryptInit");
  CK_ULONG size = out.size();
  Check(p11_->C_Encrypt(handle_, Unconst(in), in.size(), out.data(), &size), "C_Encrypt");
  return size;
}

std::size_t Session::Decrypt(CK_MECHANISM mechanism, CK_OBJECT_HANDLE key, ByteView in,
                             std::span<std::uint8_t> out) const {
  Check(p11_->C_DecryptInit(handle_, &mechanism, key), "C_DecryptInit");
  CK_ULONG size = out.size();
  Check(p11_->C_Decrypt(handle_, Unconst(in), in.size(), out.data(), &size), "C_Decrypt");
  return size;
}

std::size_t Session::Sign(CK_MECHANISM mechanism, CK_OBJECT_HANDLE key, ByteView message,
                          std::span<std::uint8_t> out) const {
  Check(p11_->C_SignInit(handle_, &mechanism, key), "C_SignInit");
  CK_ULONG size = out.size();
  Check(p11_->C_Sign(handle_, Unconst(message), message.size(), out.data(), &size), "C_Sign");
  return size;
}

std::size_t Session::EncryptMessage(CK_MECHANISM_TYPE mechanism,
                                    v3::CK_GCM_MESSAGE_PARAMS& parameters, CK_OBJECT_HANDLE key,
                                    ByteView associated_data, ByteView in,
                                    std::span<std::uint8_t> out) const {
  if (!HasMessages()) {
    throw Error(Reason::kKeyRefused, "the module has no message functions of PKCS#11 3.0");
  }
  CK_MECHANISM kind{mechanism, nullptr, 0};
  Check(p11_v3_->C_MessageEncryptInit(handle_, &kind, key), "C_MessageEncryptInit");
  CK_ULONG size = out.size();
  Check(
      p11_v3_->C_EncryptMessage(handle_, &parameters, sizeof(parameters), Unconst(associated_data),
                                associated_data.size(), Unconst(in), in.size(), out.data(), &size),
      "C_EncryptMessage");
  Check(p11_v3_->C_MessageEncryptFinal(handle_), "C_MessageEncryptFinal");
  return size;
}

CK_USER_TYPE ParseUserType(const std::string& text) {
  if (text == "user") return CKU_USER;
  if (text == "so") return CKU_SO;
  const bool hex = text.starts_with("0x");
  const char* begin = text.data() + (hex ? 2 : 0);
  const char* end = text.data() + text.size();
  CK_USER_TYPE number = 0;
  const auto [stop, error] = std::from_chars(begin, end, number, hex ? 16 : 10);
  if (error != std::errc() || stop != end || begin == end) {
    throw Error(Reason::kConfig, "userType \"" + text + "\" is neither user, so nor a number");
  }
  return number;
}

}  // namespace mortise::hsm
