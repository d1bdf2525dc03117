// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <p11-kit/pkcs11.h>

#include "test/support/fault_module/pkcs11_v3.h"

namespace mortise::test {

// One thing between the caller and the real module, which is the lowest. What an act
// or a lie does not change goes to the layer below. Thread-safe, as the module is.
class Layer {
 public:
  explicit Layer(Layer* below) : below_(*below) {}
  virtual ~Layer() = default;
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;

  using Session = CK_SESSION_HANDLE;
  using Key = CK_OBJECT_HANDLE;

  virtual CK_RV GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO* info) {
    return below_.GetTokenInfo(slot, info);
  }
  virtual CK_RV GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE* list, CK_ULONG* count) {
    return below_.GetMechanismList(slot, list, count);
  }
  virtual CK_RV GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO* info) {
    return below_.GetMechanismInfo(slot, type, info);
  }
  virtual CK_RV CloseSession(Session session) { return below_.CloseSession(session); }
  virtual CK_RV CreateObject(Session session, CK_ATTRIBUTE* wanted, CK_ULONG count, Key* key) {
    return below_.CreateObject(session, wanted, count, key);
  }
  virtual CK_RV GetAttributeValue(Session session, Key key, CK_ATTRIBUTE* wanted, CK_ULONG count) {
    return below_.GetAttributeValue(session, key, wanted, count);
  }
  virtual CK_RV SetAttributeValue(Session session, Key key, CK_ATTRIBUTE* wanted, CK_ULONG count) {
    return below_.SetAttributeValue(session, key, wanted, count);
  }
  virtual CK_RV GenerateKey(Session session, CK_MECHANISM* mechanism, CK_ATTRIBUTE* wanted,
                            CK_ULONG count, Key* key) {
    return below_.GenerateKey(session, mechanism, wanted, count, key);
  }
  virtual CK_RV GenerateKeyPair(Session session, CK_MECHANISM* mechanism, CK_ATTRIBUTE* of_public,
                                CK_ULONG public_count, CK_ATTRIBUTE* of_private,
                                CK_ULONG private_count, Key* public_key, Key* private_key) {
    return below_.GenerateKeyPair(session, mechanism, of_public, public_count, of_private,
                                  private_count, public_key, private_key);
  }
  virtual CK_RV EncryptInit(Session session, CK_MECHANISM* mechanism, Key key) {
    return below_.EncryptInit(session, mechanism, key);
  }
  virtual CK_RV Encrypt(Session session, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out,
                        CK_ULONG* out_size) {
    return below_.Encrypt(session, in, in_size, out, out_size);
  }
  virtual CK_RV DecryptInit(Session session, CK_MECHANISM* mechanism, Key key) {
    return below_.DecryptInit(session, mechanism, key);
  }
  virtual CK_RV Decrypt(Session session, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out,
                        CK_ULONG* out_size) {
    return below_.Decrypt(session, in, in_size, out, out_size);
  }
  virtual CK_RV Sign(Session session, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out,
                     CK_ULONG* out_size) {
    return below_.Sign(session, in, in_size, out, out_size);
  }
  virtual CK_RV Verify(Session session, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* signature,
                       CK_ULONG signature_size) {
    return below_.Verify(session, in, in_size, signature, signature_size);
  }
  virtual CK_RV GenerateRandom(Session session, CK_BYTE* out, CK_ULONG size) {
    return below_.GenerateRandom(session, out, size);
  }
  virtual CK_RV MessageEncryptInit(Session session, CK_MECHANISM* mechanism, Key key) {
    return below_.MessageEncryptInit(session, mechanism, key);
  }
  virtual CK_RV EncryptMessage(Session session, void* parameter, CK_ULONG parameter_size,
                               CK_BYTE* aad, CK_ULONG aad_size, CK_BYTE* in, CK_ULONG in_size,
                               CK_BYTE* out, CK_ULONG* out_size) {
    return below_.EncryptMessage(session, parameter, parameter_size, aad, aad_size, in, in_size,
                                 out, out_size);
  }
  virtual CK_RV MessageEncryptFinal(Session session) { return below_.MessageEncryptFinal(session); }

 protected:
  Layer& below() { return below_; }

 private:
  Layer& below_;
};

}  // namespace mortise::test
