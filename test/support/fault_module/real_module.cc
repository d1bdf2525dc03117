// SPDX-License-Identifier: Apache-2.0
#include "test/support/fault_module/real_module.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

#include "test/support/fault_module/control.h"

namespace mortise::test {
namespace {

CK_FUNCTION_LIST_3_0* VersionThree(void* library) {
  using GetInterface = CK_RV (*)(CK_UTF8CHAR*, CK_VERSION*, CK_INTERFACE**, CK_FLAGS);
  const auto get = reinterpret_cast<GetInterface>(dlsym(library, "C_GetInterface"));
  if (get == nullptr) return nullptr;
  CK_UTF8CHAR name[] = "PKCS 11";
  CK_VERSION version{3, 0};
  CK_INTERFACE* found = nullptr;
  if (get(name, &version, &found, 0) != CKR_OK || found == nullptr) return nullptr;
  return static_cast<CK_FUNCTION_LIST_3_0*>(found->pFunctionList);
}

}  // namespace

RealModule* RealModule::Load() {
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
  static RealModule module(*functions, VersionThree(library));
  return &module;
}

CK_RV RealModule::GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO* info) {
  return v2_.C_GetTokenInfo(slot, info);
}

CK_RV RealModule::GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE* list, CK_ULONG* count) {
  return v2_.C_GetMechanismList(slot, list, count);
}

CK_RV RealModule::GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type,
                                   CK_MECHANISM_INFO* info) {
  return v2_.C_GetMechanismInfo(slot, type, info);
}

CK_RV RealModule::CloseSession(Session session) {
  return v2_.C_CloseSession(session);
}

CK_RV RealModule::CreateObject(Session session, CK_ATTRIBUTE* wanted, CK_ULONG count, Key* key) {
  return v2_.C_CreateObject(session, wanted, count, key);
}

CK_RV RealModule::GetAttributeValue(Session session, Key key, CK_ATTRIBUTE* wanted,
                                    CK_ULONG count) {
  return v2_.C_GetAttributeValue(session, key, wanted, count);
}

CK_RV RealModule::SetAttributeValue(Session session, Key key, CK_ATTRIBUTE* wanted,
                                    CK_ULONG count) {
  return v2_.C_SetAttributeValue(session, key, wanted, count);
}

CK_RV RealModule::GenerateKey(Session session, CK_MECHANISM* mechanism, CK_ATTRIBUTE* wanted,
                              CK_ULONG count, Key* key) {
  return v2_.C_GenerateKey(session, mechanism, wanted, count, key);
}

CK_RV RealModule::GenerateKeyPair(Session session, CK_MECHANISM* mechanism, CK_ATTRIBUTE* of_public,
                                  CK_ULONG public_count, CK_ATTRIBUTE* of_private,
                                  CK_ULONG private_count, Key* public_key, Key* private_key) {
  return v2_.C_GenerateKeyPair(session, mechanism, of_public, public_count, of_private,
                               private_count, public_key, private_key);
}

CK_RV RealModule::EncryptInit(Session session, CK_MECHANISM* mechanism, Key key) {
  return v2_.C_EncryptInit(session, mechanism, key);
}

CK_RV RealModule::Encrypt(Session session, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out,
                          CK_ULONG* out_size) {
  return v2_.C_Encrypt(session, in, in_size, out, out_size);
}

CK_RV RealModule::DecryptInit(Session session, CK_MECHANISM* mechanism, Key key) {
  return v2_.C_DecryptInit(session, mechanism, key);
}

CK_RV RealModule::Decrypt(Session session, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out,
                          CK_ULONG* out_size) {
  return v2_.C_Decrypt(session, in, in_size, out, out_size);
}

CK_RV RealModule::Sign(Session session, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out,
                       CK_ULONG* out_size) {
  return v2_.C_Sign(session, in, in_size, out, out_size);
}

CK_RV RealModule::Verify(Session session, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* signature,
                         CK_ULONG signature_size) {
  return v2_.C_Verify(session, in, in_size, signature, signature_size);
}

CK_RV RealModule::GenerateRandom(Session session, CK_BYTE* out, CK_ULONG size) {
  return v2_.C_GenerateRandom(session, out, size);
}

CK_RV RealModule::MessageEncryptInit(Session session, CK_MECHANISM* mechanism, Key key) {
  return v3_ == nullptr ? CKR_FUNCTION_NOT_SUPPORTED
                        : v3_->C_MessageEncryptInit(session, mechanism, key);
}

CK_RV RealModule::EncryptMessage(Session session, void* parameter, CK_ULONG parameter_size,
                                 CK_BYTE* aad, CK_ULONG aad_size, CK_BYTE* in, CK_ULONG in_size,
                                 CK_BYTE* out, CK_ULONG* out_size) {
  return v3_ == nullptr ? CKR_FUNCTION_NOT_SUPPORTED
                        : v3_->C_EncryptMessage(session, parameter, parameter_size, aad, aad_size,
                                                in, in_size, out, out_size);
}

CK_RV RealModule::MessageEncryptFinal(Session session) {
  return v3_ == nullptr ? CKR_FUNCTION_NOT_SUPPORTED : v3_->C_MessageEncryptFinal(session);
}

}  // namespace mortise::test
