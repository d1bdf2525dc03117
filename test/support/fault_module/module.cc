// SPDX-License-Identifier: Apache-2.0
// pkcs11-fault.so: a PKCS#11 module that forwards to a real one and goes wrong on
// demand, as vendors' libraries do. MORTISE_FAULT_MODULE names the real one
// (default SoftHSM2), MORTISE_FAULT_CONTROL the file made by FaultControl.
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>

#include <cstdio>
#include <cstdlib>

#include "test/support/fault_module/control.h"
#include "test/support/fault_module/faults.h"

namespace mortise::test {
namespace {

CK_FUNCTION_LIST* real = nullptr;

template <Function kFunction, auto kMember>
struct Forward;

template <Function kFunction, typename... Args, CK_RV (*CK_FUNCTION_LIST::*kMember)(Args...)>
struct Forward<kFunction, kMember> {
  static CK_RV Call(Args... args) {
    if (const auto rv = Interfere(kFunction)) return *rv;
    return (real->*kMember)(args...);
  }
};

CK_RV Initialize(void* args) {
  if (const auto rv = Interfere(Function::kC_Initialize)) return *rv;
  const CK_RV rv = real->C_Initialize(args);
  if (rv == CKR_OK) NoteInitialized();
  return rv;
}

CK_RV GetSlotList(CK_BBOOL token_present, CK_SLOT_ID* slots, CK_ULONG* count) {
  if (const auto rv = Interfere(Function::kC_GetSlotList)) return *rv;
  if (!TokenIsRemoved()) return real->C_GetSlotList(token_present, slots, count);
  *count = 0;
  return CKR_OK;
}

CK_RV Encrypt(CK_SESSION_HANDLE session, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out,
              CK_ULONG* out_size) {
  if (const auto rv = Interfere(Function::kC_Encrypt)) return *rv;
  const CK_RV rv = real->C_Encrypt(session, in, in_size, out, out_size);
  if (rv == CKR_OK) CorruptOutput(Function::kC_Encrypt, out, out_size);
  return rv;
}

CK_RV Decrypt(CK_SESSION_HANDLE session, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out,
              CK_ULONG* out_size) {
  if (const auto rv = Interfere(Function::kC_Decrypt)) return *rv;
  if (const auto rv = InterfereWithBlob(in, in_size)) return *rv;
  const CK_RV rv = real->C_Decrypt(session, in, in_size, out, out_size);
  if (rv == CKR_OK) CorruptOutput(Function::kC_Decrypt, out, out_size);
  return rv;
}

CK_FUNCTION_LIST* LoadReal() {
  const char* path = std::getenv(kModuleVariable);
  if (path == nullptr) path = "/usr/lib/softhsm/libsofthsm2.so";
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    std::fprintf(stderr, "pkcs11-fault.so: %s\n", dlerror());
    return nullptr;
  }
  const auto get = reinterpret_cast<CK_C_GetFunctionList>(dlsym(library, "C_GetFunctionList"));
  CK_FUNCTION_LIST* functions = nullptr;
  if (get == nullptr || get(&functions) != CKR_OK) return nullptr;
  return functions;
}

CK_FUNCTION_LIST MakeList() {
  CK_FUNCTION_LIST list{};
  list.version = {2, 40};
#define X(name) list.name = &Forward<Function::k##name, &CK_FUNCTION_LIST::name>::Call;
  MORTISE_PKCS11_FUNCTIONS(X)
#undef X
  list.C_Initialize = &Initialize;
  list.C_GetFunctionList = &C_GetFunctionList;
  list.C_GetSlotList = &GetSlotList;
  list.C_Encrypt = &Encrypt;
  list.C_Decrypt = &Decrypt;
  return list;
}

}  // namespace
}  // namespace mortise::test

extern "C" __attribute__((visibility("default"))) CK_RV C_GetFunctionList(
    CK_FUNCTION_LIST** functions) {
  using namespace mortise::test;
  static CK_FUNCTION_LIST list = MakeList();
  if (real == nullptr) real = LoadReal();
  if (real == nullptr) return CKR_GENERAL_ERROR;
  *functions = &list;
  return CKR_OK;
}
