// SPDX-License-Identifier: Apache-2.0
#include "test/support/fault_module/acts/token_iv.h"

namespace mortise::test {

CK_RV TokenIv::CloseSession(Session session) {
  operations_.End(session);
  Forget(session);
  return below().CloseSession(session);
}

CK_RV TokenIv::EncryptInit(Session session, CK_MECHANISM* mechanism, Key key) {
  operations_.End(session);
  if (mechanism == nullptr || !IsMine(*mechanism)) {
    return below().EncryptInit(session, mechanism, key);
  }
  const CK_GCM_PARAMS* given = GcmParameters(mechanism);
  const CK_ULONG iv_size = given == nullptr ? 0 : IvSize(*given);
  if (iv_size == 0) return CKR_MECHANISM_PARAM_INVALID;

  Operation& operation = operations_.Begin(session);
  operation.callers_iv = given->pIv;
  operation.iv.resize(iv_size);
  CK_RV rv = MakeIv(below(), session, operation.iv);
  if (rv == CKR_OK) {
    operation.parameters = *given;
    operation.parameters.pIv = operation.iv.data();
    operation.parameters.ulIvLen = iv_size;
    operation.parameters.ulIvBits = iv_size * 8;
    CK_MECHANISM own{CKM_AES_GCM, &operation.parameters, sizeof(operation.parameters)};
    rv = below().EncryptInit(session, &own, key);
  }
  if (rv != CKR_OK) operations_.End(session);
  return rv;
}

CK_RV TokenIv::Encrypt(Session session, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out,
                       CK_ULONG* out_size) {
  const Operation* begun = operations_.Find(session);
  if (begun == nullptr) return below().Encrypt(session, in, in_size, out, out_size);
  const CK_ULONG needed = in_size + kGcmTagSize + ExtraSize(*begun);
  if (const auto rv = AnswerWithoutRoom(out, out_size, needed)) return *rv;

  const auto operation = operations_.End(session);
  std::vector<CK_BYTE> sealed(in_size + kGcmTagSize);
  CK_ULONG size = sealed.size();
  const CK_RV rv = below().Encrypt(session, in, in_size, sealed.data(), &size);
  if (rv != CKR_OK) return rv;
  Deliver(*operation, sealed, out);
  *out_size = needed;
  return CKR_OK;
}

}  // namespace mortise::test
