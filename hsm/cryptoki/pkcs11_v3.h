// SPDX-License-Identifier: Apache-2.0
// What is used of PKCS#11 3.0 and of one vendor, and p11-kit's header of v2.40 lacks. Names and
// layouts are the standard's.
#pragma once

#include <p11-kit/pkcs11.h>

#ifndef CKM_AES_KEY_WRAP_KWP
#define CKM_AES_KEY_WRAP_KWP (0x210BUL)
#endif
#ifndef CKM_CLOUDHSM_AES_GCM
#define CKM_CLOUDHSM_AES_GCM (0x80001087UL)
#endif
#ifndef CKF_MESSAGE_ENCRYPT
#define CKF_MESSAGE_ENCRYPT (0x2UL)
#endif
#ifndef CKG_GENERATE_RANDOM
#define CKG_NO_GENERATE (0x0UL)
#define CKG_GENERATE (0x1UL)
#define CKG_GENERATE_COUNTER (0x2UL)
#define CKG_GENERATE_RANDOM (0x3UL)
#endif

namespace mortise::hsm::v3 {

struct CK_GCM_MESSAGE_PARAMS {
  CK_BYTE* pIv;
  CK_ULONG ulIvLen;
  CK_ULONG ulIvFixedBits;
  CK_ULONG ivGenerator;
  CK_BYTE* pTag;
  CK_ULONG ulTagBits;
};

struct CK_INTERFACE {
  CK_UTF8CHAR* pInterfaceName;
  void* pFunctionList;
  CK_FLAGS flags;
};

using CK_C_GetInterfaceList = CK_RV (*)(CK_INTERFACE* list, CK_ULONG* count);
using CK_C_GetInterface = CK_RV (*)(CK_UTF8CHAR* name, CK_VERSION* version, CK_INTERFACE** found,
                                    CK_FLAGS flags);
using CK_C_MessageEncryptInit = CK_RV (*)(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism,
                                          CK_OBJECT_HANDLE key);
using CK_C_EncryptMessage = CK_RV (*)(CK_SESSION_HANDLE session, void* parameter,
                                      CK_ULONG parameter_size, CK_BYTE* associated_data,
                                      CK_ULONG associated_data_size, CK_BYTE* plaintext,
                                      CK_ULONG plaintext_size, CK_BYTE* ciphertext,
                                      CK_ULONG* ciphertext_size);
using CK_C_MessageEncryptFinal = CK_RV (*)(CK_SESSION_HANDLE session);
// A function that nothing here calls.
using Unused = void (*)();

// CK_FUNCTION_LIST_3_0: that of v2.40, then 24 functions more.
struct CK_FUNCTION_LIST_3_0 {
  CK_FUNCTION_LIST v240;
  CK_C_GetInterfaceList C_GetInterfaceList;
  CK_C_GetInterface C_GetInterface;
  Unused C_LoginUser;
  Unused C_SessionCancel;
  CK_C_MessageEncryptInit C_MessageEncryptInit;
  CK_C_EncryptMessage C_EncryptMessage;
  Unused C_EncryptMessageBegin;
  Unused C_EncryptMessageNext;
  CK_C_MessageEncryptFinal C_MessageEncryptFinal;
  Unused C_MessageDecryptInit;
  Unused C_DecryptMessage;
  Unused C_DecryptMessageBegin;
  Unused C_DecryptMessageNext;
  Unused C_MessageDecryptFinal;
  Unused C_MessageSignInit;
  Unused C_SignMessage;
  Unused C_SignMessageBegin;
  Unused C_SignMessageNext;
  Unused C_MessageSignFinal;
  Unused C_MessageVerifyInit;
  Unused C_VerifyMessage;
  Unused C_VerifyMessageBegin;
  Unused C_VerifyMessageNext;
  Unused C_MessageVerifyFinal;
};

}  // namespace mortise::hsm::v3
