// SPDX-License-Identifier: Apache-2.0
// What this module needs of PKCS#11 3.0, which the headers of p11-kit lack. Names and
// layout are the standard's.
#pragma once

#include <p11-kit/pkcs11.h>

namespace mortise::test {

inline constexpr CK_FLAGS kMessageEncryptFlag = 0x2;  // CKF_MESSAGE_ENCRYPT

enum CK_GENERATOR_FUNCTION : CK_ULONG {
  CKG_NO_GENERATE,
  CKG_GENERATE,
  CKG_GENERATE_COUNTER,
  CKG_GENERATE_RANDOM,
  CKG_GENERATE_COUNTER_XOR
};

struct CK_GCM_MESSAGE_PARAMS {
  CK_BYTE* pIv;
  CK_ULONG ulIvLen;
  CK_ULONG ulIvFixedBits;
  CK_GENERATOR_FUNCTION ivGenerator;
  CK_BYTE* pTag;
  CK_ULONG ulTagBits;
};

struct CK_INTERFACE {
  char* pInterfaceName;
  void* pFunctionList;
  CK_FLAGS flags;
};

// The 3.0 list begins as the 2.40 one does.
struct CK_FUNCTION_LIST_3_0 {
  CK_FUNCTION_LIST v2;
  CK_RV (*C_GetInterfaceList)(CK_INTERFACE*, CK_ULONG*);
  CK_RV (*C_GetInterface)(CK_UTF8CHAR*, CK_VERSION*, CK_INTERFACE**, CK_FLAGS);
  CK_RV (*C_LoginUser)
  (CK_SESSION_HANDLE, CK_USER_TYPE, CK_UTF8CHAR*, CK_ULONG, CK_UTF8CHAR*, CK_ULONG);
  CK_RV (*C_SessionCancel)(CK_SESSION_HANDLE, CK_FLAGS);
  CK_RV (*C_MessageEncryptInit)(CK_SESSION_HANDLE, CK_MECHANISM*, CK_OBJECT_HANDLE);
  CK_RV (*C_EncryptMessage)
  (CK_SESSION_HANDLE, void*, CK_ULONG, CK_BYTE*, CK_ULONG, CK_BYTE*, CK_ULONG, CK_BYTE*, CK_ULONG*);
  CK_RV (*C_EncryptMessageBegin)(CK_SESSION_HANDLE, void*, CK_ULONG, CK_BYTE*, CK_ULONG);
  CK_RV (*C_EncryptMessageNext)
  (CK_SESSION_HANDLE, void*, CK_ULONG, CK_BYTE*, CK_ULONG, CK_BYTE*, CK_ULONG*, CK_FLAGS);
  CK_RV (*C_MessageEncryptFinal)(CK_SESSION_HANDLE);
  CK_RV (*C_MessageDecryptInit)(CK_SESSION_HANDLE, CK_MECHANISM*, CK_OBJECT_HANDLE);
  CK_RV (*C_DecryptMessage)
  (CK_SESSION_HANDLE, void*, CK_ULONG, CK_BYTE*, CK_ULONG, CK_BYTE*, CK_ULONG, CK_BYTE*, CK_ULONG*);
  CK_RV (*C_DecryptMessageBegin)(CK_SESSION_HANDLE, void*, CK_ULONG, CK_BYTE*, CK_ULONG);
  CK_RV (*C_DecryptMessageNext)
  (CK_SESSION_HANDLE, void*, CK_ULONG, CK_BYTE*, CK_ULONG, CK_BYTE*, CK_ULONG*, CK_FLAGS);
  CK_RV (*C_MessageDecryptFinal)(CK_SESSION_HANDLE);
  CK_RV (*C_MessageSignInit)(CK_SESSION_HANDLE, CK_MECHANISM*, CK_OBJECT_HANDLE);
  CK_RV (*C_SignMessage)
  (CK_SESSION_HANDLE, void*, CK_ULONG, CK_BYTE*, CK_ULONG, CK_BYTE*, CK_ULONG*);
  CK_RV (*C_SignMessageBegin)(CK_SESSION_HANDLE, void*, CK_ULONG);
  CK_RV (*C_SignMessageNext)
  (CK_SESSION_HANDLE, void*, CK_ULONG, CK_BYTE*, CK_ULONG, CK_BYTE*, CK_ULONG*);
  CK_RV (*C_MessageSignFinal)(CK_SESSION_HANDLE);
  CK_RV (*C_MessageVerifyInit)(CK_SESSION_HANDLE, CK_MECHANISM*, CK_OBJECT_HANDLE);
  CK_RV (*C_VerifyMessage)
  (CK_SESSION_HANDLE, void*, CK_ULONG, CK_BYTE*, CK_ULONG, CK_BYTE*, CK_ULONG);
  CK_RV (*C_VerifyMessageBegin)(CK_SESSION_HANDLE, void*, CK_ULONG);
  CK_RV (*C_VerifyMessageNext)
  (CK_SESSION_HANDLE, void*, CK_ULONG, CK_BYTE*, CK_ULONG, CK_BYTE*, CK_ULONG);
  CK_RV (*C_MessageVerifyFinal)(CK_SESSION_HANDLE);
};

}  // namespace mortise::test
