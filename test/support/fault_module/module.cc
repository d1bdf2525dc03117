// SPDX-License-Identifier: Apache-2.0
// pkcs11-fault.so: a PKCS#11 module that forwards to a real one, behaves as other
// vendors' and goes wrong on demand. README.md says how it is told.
#include <p11-kit/pkcs11.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <string_view>

#include "test/support/fault_module/control.h"
#include "test/support/fault_module/faults.h"
#include "test/support/fault_module/played.h"
#include "test/support/fault_module/stack.h"

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED CK_RV C_GetInterfaceList(mortise::test::CK_INTERFACE* list, CK_ULONG* count);
EXPORTED CK_RV C_GetInterface(CK_UTF8CHAR* name, CK_VERSION* version,
                              mortise::test::CK_INTERFACE** found, CK_FLAGS flags);

namespace mortise::test {
namespace {

RealModule* real = nullptr;
Layer* top = nullptr;  // of all that lies above `real`

// What no layer changes goes to the real module at once.
template <Function kFunction, auto kMember>
struct Forward;

template <Function kFunction, typename... Args, CK_RV (*CK_FUNCTION_LIST::*kMember)(Args...)>
struct Forward<kFunction, kMember> {
  static CK_RV Call(Args... args) {
    if (const auto rv = Interfere(kFunction)) return *rv;
    return (real->v2().*kMember)(args...);
  }
};

template <Function kFunction, typename... Args, CK_RV (*CK_FUNCTION_LIST_3_0::*kMember)(Args...)>
struct Forward<kFunction, kMember> {
  static CK_RV Call(Args... args) {
    if (const auto rv = Interfere(kFunction)) return *rv;
    return real->v3() == nullptr ? CKR_FUNCTION_NOT_SUPPORTED : (real->v3()->*kMember)(args...);
  }
};

// The rest goes through the layers.
template <Function kFunction, auto kMember>
struct Layered;

template <Function kFunction, typename... Args, CK_RV (Layer::*kMember)(Args...)>
struct Layered<kFunction, kMember> {
  static CK_RV Call(Args... args) {
    if (const auto rv = Interfere(kFunction)) return *rv;
    return (top->*kMember)(args...);
  }
};

CK_RV Initialize(void* args) {
  if (const auto rv = Interfere(Function::kC_Initialize)) return *rv;
  const CK_RV rv = real->v2().C_Initialize(args);
  if (rv == CKR_OK) NoteInitialized();
  return rv;
}

CK_RV GetSlotList(CK_BBOOL token_present, CK_SLOT_ID* slots, CK_ULONG* count) {
  if (const auto rv = Interfere(Function::kC_GetSlotList)) return *rv;
  if (!TokenIsRemoved()) return real->v2().C_GetSlotList(token_present, slots, count);
  *count = 0;
  return CKR_OK;
}

CK_RV Encrypt(CK_SESSION_HANDLE session, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out,
              CK_ULONG* out_size) {
  if (const auto rv = Interfere(Function::kC_Encrypt)) return *rv;
  const CK_RV rv = top->Encrypt(session, in, in_size, out, out_size);
  if (rv == CKR_OK) CorruptOutput(Function::kC_Encrypt, out, out_size);
  return rv;
}

CK_RV Decrypt(CK_SESSION_HANDLE session, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out,
              CK_ULONG* out_size) {
  if (const auto rv = Interfere(Function::kC_Decrypt)) return *rv;
  if (const auto rv = InterfereWithBlob(in, in_size)) return *rv;
  const CK_RV rv = top->Decrypt(session, in, in_size, out, out_size);
  if (rv == CKR_OK) CorruptOutput(Function::kC_Decrypt, out, out_size);
  return rv;
}

CK_RV EncryptMessage(CK_SESSION_HANDLE session, void* parameter, CK_ULONG parameter_size,
                     CK_BYTE* aad, CK_ULONG aad_size, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out,
                     CK_ULONG* out_size) {
  if (const auto rv = Interfere(Function::kC_EncryptMessage)) return *rv;
  const CK_RV rv = top->EncryptMessage(session, parameter, parameter_size, aad, aad_size, in,
                                       in_size, out, out_size);
  if (rv == CKR_OK) CorruptOutput(Function::kC_EncryptMessage, out, out_size);
  return rv;
}

CK_FUNCTION_LIST MakeList() {
  CK_FUNCTION_LIST list{};
  list.version = {2, 40};
#define X(name) list.name = &Forward<Function::k##name, &CK_FUNCTION_LIST::name>::Call;
  MORTISE_PKCS11_FUNCTIONS(X)
#undef X
#define X(name, method) list.name = &Layered<Function::k##name, &Layer::method>::Call
  X(C_GetTokenInfo, GetTokenInfo);
  X(C_GetMechanismList, GetMechanismList);
  X(C_GetMechanismInfo, GetMechanismInfo);
  X(C_CloseSession, CloseSession);
  X(C_CreateObject, CreateObject);
  X(C_GetAttributeValue, GetAttributeValue);
  X(C_SetAttributeValue, SetAttributeValue);
  X(C_GenerateKey, GenerateKey);
  X(C_GenerateKeyPair, GenerateKeyPair);
  X(C_EncryptInit, EncryptInit);
  X(C_DecryptInit, DecryptInit);
  X(C_Sign, Sign);
  X(C_Verify, Verify);
  X(C_GenerateRandom, GenerateRandom);
#undef X
  list.C_Initialize = &Initialize;
  list.C_GetFunctionList = &C_GetFunctionList;
  list.C_GetSlotList = &GetSlotList;
  list.C_Encrypt = &Encrypt;
  list.C_Decrypt = &Decrypt;
  return list;
}

CK_FUNCTION_LIST_3_0 MakeListOfVersionThree() {
  CK_FUNCTION_LIST_3_0 list{};
  list.v2 = MakeList();
  list.v2.version = {3, 0};
#define X(name) list.name = &Forward<Function::k##name, &CK_FUNCTION_LIST_3_0::name>::Call;
  MORTISE_PKCS11_V3_FUNCTIONS(X)
#undef X
#define X(name, method) list.name = &Layered<Function::k##name, &Layer::method>::Call
  X(C_MessageEncryptInit, MessageEncryptInit);
  X(C_MessageEncryptFinal, MessageEncryptFinal);
#undef X
  list.C_GetInterfaceList = &C_GetInterfaceList;
  list.C_GetInterface = &C_GetInterface;
  list.C_EncryptMessage = &EncryptMessage;
  return list;
}

bool Load() {
  if (top != nullptr) return true;
  try {
    ReadRolesOfEnvironment();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "pkcs11-fault.so: %s: %s\n", kActVariable, error.what());
    return false;
  }
  real = RealModule::Load();
  if (real != nullptr) top = &StackOn(*real);
  return top != nullptr;
}

CK_FUNCTION_LIST* VersionTwo() {
  static CK_FUNCTION_LIST list = MakeList();
  return &list;
}

// The newest first, as the standard asks for.
std::array<CK_INTERFACE, 2>& Interfaces() {
  static CK_UTF8CHAR name[] = "PKCS 11";
  static CK_FUNCTION_LIST_3_0 list = MakeListOfVersionThree();
  static std::array<CK_INTERFACE, 2> interfaces = {{{name, &list, 0}, {name, VersionTwo(), 0}}};
  return interfaces;
}

// 0: there is a version 3.0; 1: only what SoftHSM2 has.
std::size_t FirstInterface() {
  return real->v3() != nullptr || Plays(Act::kMessageRandom) ? 0 : 1;
}

}  // namespace
}  // namespace mortise::test

EXPORTED CK_RV C_GetFunctionList(CK_FUNCTION_LIST** functions) {
  using namespace mortise::test;
  if (!Load()) return CKR_GENERAL_ERROR;
  *functions = VersionTwo();
  return CKR_OK;
}

CK_RV C_GetInterfaceList(mortise::test::CK_INTERFACE* list, CK_ULONG* count) {
  using namespace mortise::test;
  if (!Load()) return CKR_GENERAL_ERROR;
  if (const auto rv = Interfere(Function::kC_GetInterfaceList)) return *rv;
  const std::size_t first = FirstInterface();
  const CK_ULONG room = *count;
  *count = Interfaces().size() - first;
  if (list == nullptr) return CKR_OK;
  if (room < *count) return CKR_BUFFER_TOO_SMALL;
  std::copy(Interfaces().begin() + first, Interfaces().end(), list);
  return CKR_OK;
}

CK_RV C_GetInterface(CK_UTF8CHAR* name, CK_VERSION* version, mortise::test::CK_INTERFACE** found,
                     CK_FLAGS flags) {
  using namespace mortise::test;
  if (!Load()) return CKR_GENERAL_ERROR;
  if (const auto rv = Interfere(Function::kC_GetInterface)) return *rv;
  if (found == nullptr) return CKR_ARGUMENTS_BAD;
  const bool is_standard =
      name == nullptr || std::string_view(reinterpret_cast<char*>(name)) == "PKCS 11";
  for (std::size_t i = FirstInterface(); is_standard && flags == 0 && i < 2; ++i) {
    const auto* has = static_cast<CK_VERSION*>(Interfaces()[i].pFunctionList);
    if (version != nullptr && (version->major != has->major || version->minor != has->minor)) {
      continue;
    }
    *found = &Interfaces()[i];
    return CKR_OK;
  }
  return CKR_FUNCTION_FAILED;
}
