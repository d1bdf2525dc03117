// SPDX-License-Identifier: Apache-2.0
#include "test/token/acting_token.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>

namespace mortise::test {
namespace {

CK_BBOOL yes = CK_TRUE;
CK_ULONG key_size = 32;

}  // namespace

GcmMechanism::GcmMechanism(const Bytes& iv, CK_MECHANISM_TYPE type)
    : iv_(iv), iv_bits_(iv.size() * 8), mechanism_{type, nullptr, 0} {}

GcmMechanism GcmMechanism::WithoutIv(CK_ULONG iv_bits, CK_MECHANISM_TYPE type) {
  GcmMechanism mechanism({}, type);
  mechanism.iv_bits_ = iv_bits;
  return mechanism;
}

CK_MECHANISM* GcmMechanism::get() {
  parameters_ = {
      iv_.empty() ? nullptr : iv_.data(), iv_.size(), iv_bits_, aad_.data(), aad_.size(), 128};
  mechanism_.pParameter = &parameters_;
  mechanism_.ulParameterLen = sizeof(parameters_);
  return &mechanism_;
}

ActingTokenTest::ActingTokenTest(const char* act_of_environment) {
  if (act_of_environment != nullptr) setenv(kActVariable, act_of_environment, 1);
  token_.Export();
  module_.emplace(SoftHsmToken::FaultModule());
  // The slot of the uninitialised token comes last.
  std::array<CK_SLOT_ID, 2> slots{};
  CK_ULONG count = slots.size();
  EXPECT_EQ(p11().C_GetSlotList(CK_TRUE, slots.data(), &count), CKR_OK);
  slot_ = slots[0];
  session_.emplace(*module_, slot_, true);
  session_->Login(CKU_USER, token_.Pin().view());
  EXPECT_EQ(GenerateKey(key_).rv, CKR_OK);
}

Answer ActingTokenTest::GenerateKey(CK_OBJECT_HANDLE& key, std::vector<CK_ATTRIBUTE> more) {
  CK_MECHANISM mechanism{CKM_AES_KEY_GEN, nullptr, 0};
  more.push_back({CKA_VALUE_LEN, &key_size, sizeof(key_size)});
  more.push_back({CKA_ENCRYPT, &yes, sizeof(yes)});
  more.push_back({CKA_DECRYPT, &yes, sizeof(yes)});
  return {p11().C_GenerateKey(session(), &mechanism, more.data(), more.size(), &key), {}};
}

CK_OBJECT_HANDLE ActingTokenTest::ImportKey(Bytes value) {
  CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
  CK_KEY_TYPE type = CKK_AES;
  std::array<CK_ATTRIBUTE, 5> wanted{{{CKA_CLASS, &object_class, sizeof(object_class)},
                                      {CKA_KEY_TYPE, &type, sizeof(type)},
                                      {CKA_ENCRYPT, &yes, sizeof(yes)},
                                      {CKA_DECRYPT, &yes, sizeof(yes)},
                                      {CKA_VALUE, value.data(), value.size()}}};
  CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
  EXPECT_EQ(p11().C_CreateObject(session(), wanted.data(), wanted.size(), &key), CKR_OK);
  return key;
}

Answer ActingTokenTest::Encrypt(CK_MECHANISM* mechanism, Bytes plain, CK_ULONG room) {
  Answer answer{p11().C_EncryptInit(session(), mechanism, key_), Bytes(room)};
  if (answer.rv != CKR_OK) return answer;
  answer.rv = p11().C_Encrypt(session(), plain.data(), plain.size(), answer.out.data(), &room);
  answer.out.resize(room);
  return answer;
}

Answer ActingTokenTest::Decrypt(CK_MECHANISM* mechanism, Bytes sealed, CK_ULONG room) {
  Answer answer{p11().C_DecryptInit(session(), mechanism, key_), Bytes(room)};
  if (answer.rv != CKR_OK) return answer;
  answer.rv = p11().C_Decrypt(session(), sealed.data(), sealed.size(), answer.out.data(), &room);
  answer.out.resize(room);
  return answer;
}

Answer ActingTokenTest::DecryptWith(const Bytes& iv, const Bytes& sealed) {
  GcmMechanism mechanism(iv);
  return Decrypt(mechanism.get(), sealed);
}

std::vector<CK_MECHANISM_TYPE> ActingTokenTest::Mechanisms() const {
  CK_ULONG count = 0;
  EXPECT_EQ(p11().C_GetMechanismList(slot_, nullptr, &count), CKR_OK);
  std::vector<CK_MECHANISM_TYPE> list(count);
  EXPECT_EQ(p11().C_GetMechanismList(slot_, list.data(), &count), CKR_OK);
  EXPECT_EQ(count, list.size());
  return list;
}

CK_FLAGS ActingTokenTest::FlagsOf(CK_MECHANISM_TYPE type) const {
  CK_MECHANISM_INFO info{};
  return p11().C_GetMechanismInfo(slot_, type, &info) == CKR_OK ? info.flags : 0;
}

Answer ActingTokenTest::Read(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) const {
  Answer answer{CKR_OK, Bytes(256)};
  CK_ATTRIBUTE attribute{type, answer.out.data(), answer.out.size()};
  answer.rv = p11().C_GetAttributeValue(session(), object, &attribute, 1);
  answer.out.resize(answer.rv == CKR_OK ? attribute.ulValueLen : 0);
  return answer;
}

Bytes First(const Bytes& bytes, std::size_t size) {
  return {bytes.begin(), bytes.begin() + static_cast<long>(size)};
}
Bytes After(const Bytes& bytes, std::size_t size) {
  return {bytes.begin() + static_cast<long>(size), bytes.end()};
}
bool IsZero(const Bytes& bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](auto byte) { return byte == 0; });
}

CK_FUNCTION_LIST_3_0* VersionThree() {
  using GetInterface = CK_RV (*)(CK_UTF8CHAR*, CK_VERSION*, CK_INTERFACE**, CK_FLAGS);
  void* library = dlopen(SoftHsmToken::FaultModule().c_str(), RTLD_NOW | RTLD_LOCAL);
  const auto get = reinterpret_cast<GetInterface>(dlsym(library, "C_GetInterface"));
  CK_UTF8CHAR name[] = "PKCS 11";
  CK_VERSION version{3, 0};
  CK_INTERFACE* found = nullptr;
  if (get(name, &version, &found, 0) != CKR_OK) return nullptr;
  return static_cast<CK_FUNCTION_LIST_3_0*>(found->pFunctionList);
}

}  // namespace mortise::test
