// SPDX-License-Identifier: Apache-2.0
#include "test/bench/raw_key.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstring>
#include <stdexcept>
#include <vector>

#include "base/file.h"

namespace mortise::bench {
namespace {

const CK_FUNCTION_LIST* Load(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw std::runtime_error(dlerror());
  const auto get = reinterpret_cast<CK_C_GetFunctionList>(dlsym(library, "C_GetFunctionList"));
  if (get == nullptr) throw std::runtime_error(path + " is no PKCS#11 module");
  CK_FUNCTION_LIST* p11 = nullptr;
  Require(get(&p11), "C_GetFunctionList");
  return p11;
}

}  // namespace

void Require(CK_RV rv, const char* function) {
  if (rv != CKR_OK) throw std::runtime_error(fmt::format("{} gave {:#x}", function, rv));
}

RawKey::RawKey(const TokenPlace& place) : p11_(Load(place.module)) {
  CK_C_INITIALIZE_ARGS arguments{};
  arguments.flags = CKF_OS_LOCKING_OK;
  Require(p11_->C_Initialize(&arguments), "C_Initialize");
  slot_ = FindSlot(place.token);
  login_ = OpenSession();
  SecretBytes pin = ReadSecretFile(place.pin_file);
  Require(p11_->C_Login(login_, CKU_USER, pin.data(), pin.size()), "C_Login");
  key_ = FindKey(place.key);
}

RawKey::~RawKey() {
  p11_->C_Finalize(nullptr);
}

CK_SESSION_HANDLE RawKey::OpenSession() const {
  CK_SESSION_HANDLE session = 0;
  Require(
      p11_->C_OpenSession(slot_, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &session),
      "C_OpenSession");
  return session;
}

CK_SLOT_ID RawKey::FindSlot(const std::string& token) const {
  std::vector<CK_SLOT_ID> slots(64);
  CK_ULONG count = slots.size();
  Require(p11_->C_GetSlotList(CK_TRUE, slots.data(), &count), "C_GetSlotList");
  std::string padded = token;
  padded.resize(sizeof(CK_TOKEN_INFO::label), ' ');
  for (CK_ULONG i = 0; i < count; ++i) {
    CK_TOKEN_INFO info{};
    if (p11_->C_GetTokenInfo(slots[i], &info) != CKR_OK) continue;
    if (std::memcmp(info.label, padded.data(), padded.size()) == 0) return slots[i];
  }
  throw std::runtime_error("no token is labelled " + token);
}

CK_OBJECT_HANDLE RawKey::FindKey(const std::string& prefix) const {
  CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
  CK_KEY_TYPE key_type = CKK_AES;
  CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &object_class, sizeof object_class},
                           {CKA_KEY_TYPE, &key_type, sizeof key_type}};
  Require(p11_->C_FindObjectsInit(login_, wanted, 2), "C_FindObjectsInit");
  CK_OBJECT_HANDLE found = 0;
  CK_OBJECT_HANDLE object = 0;
  CK_ULONG count = 0;
  while (p11_->C_FindObjects(login_, &object, 1, &count) == CKR_OK && count == 1) {
    char label[256];
    CK_ATTRIBUTE attribute = {CKA_LABEL, label, sizeof label};
    const bool is_read = p11_->C_GetAttributeValue(login_, object, &attribute, 1) == CKR_OK;
    if (is_read && std::string_view(label, attribute.ulValueLen).starts_with(prefix)) {
      found = object;
      break;
    }
  }
  Require(p11_->C_FindObjectsFinal(login_), "C_FindObjectsFinal");
  if (found == 0) throw std::runtime_error("no AES key's label begins with " + prefix);
  return found;
}

}  // namespace mortise::bench
