// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "test/support/fault_module/layer.h"

namespace mortise::test {

// The lowest layer: the module that MORTISE_FAULT_MODULE names (default SoftHSM2).
class RealModule final : public Layer {
 public:
  // Nothing but a message on standard error if it cannot be loaded.
  static RealModule* Load();

  explicit RealModule(CK_FUNCTION_LIST& v2, CK_FUNCTION_LIST_3_0* v3)
      : Layer(this), v2_(v2), v3_(v3) {}

  CK_FUNCTION_LIST& v2() { return v2_; }
  CK_FUNCTION_LIST_3_0* v3() { return v3_; }  // null: it has none

  CK_RV GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO* info) override;
  CK_RV GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE* list, CK_ULONG* count) override;
  CK_RV GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO* info) override;
  CK_RV CloseSession(Session session) override;
  CK_RV CreateObject(Session session, CK_ATTRIBUTE* wanted, CK_ULONG count, Key* key) override;
  CK_RV GetAttributeValue(Session session, Key key, CK_ATTRIBUTE* wanted, CK_ULONG count) override;
  CK_RV SetAttributeValue(Session session, Key key, CK_ATTRIBUTE* wanted, CK_ULONG count) override;
  CK_RV GenerateKey(Session session, CK_MECHANISM* mechanism, CK_ATTRIBUTE* wanted, CK_ULONG count,
                    Key* key) override;
  CK_RV GenerateKeyPair(Session session, CK_MECHANISM* mechanism, CK_ATTRIBUTE* of_public,
                        CK_ULONG public_count, CK_ATTRIBUTE* of_private, CK_ULONG private_count,
                        Key* public_key, Key* private_key) override;
  CK_RV EncryptInit(Session session, CK_MECHANISM* mechanism, Key key) override;
  CK_RV Encrypt(Session session, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out,
                CK_ULONG* out_size) override;
  CK_RV DecryptInit(Session session, CK_MECHANISM* mechanism, Key key) override;
  CK_RV Decrypt(Session session, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out,
                CK_ULONG* out_size) override;
  CK_RV Sign(Session session, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out,
             CK_ULONG* out_size) override;
  CK_RV Verify(Session session, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* signature,
               CK_ULONG signature_size) override;
  CK_RV GenerateRandom(Session session, CK_BYTE* out, CK_ULONG size) override;
  CK_RV MessageEncryptInit(Session session, CK_MECHANISM* mechanism, Key key) override;
  CK_RV EncryptMessage(Session session, void* parameter, CK_ULONG parameter_size, CK_BYTE* aad,
                       CK_ULONG aad_size, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out,
                       CK_ULONG* out_size) override;
  CK_RV MessageEncryptFinal(Session session) override;

 private:
  CK_FUNCTION_LIST& v2_;
  CK_FUNCTION_LIST_3_0* v3_;
};

}  // namespace mortise::test
