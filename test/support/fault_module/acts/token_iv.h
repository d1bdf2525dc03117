// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "test/support/fault_module/acts/gcm.h"
#include "test/support/fault_module/session_map.h"

namespace mortise::test {

// A GCM encryption by C_EncryptInit and C_Encrypt under an IV that the token makes. The
// acts differ in what they ask of the parameters and in how the IV comes out.
class TokenIv : public Layer {
 public:
  using Layer::Layer;

  CK_RV CloseSession(Session session) final;
  CK_RV EncryptInit(Session session, CK_MECHANISM* mechanism, Key key) override;
  CK_RV Encrypt(Session session, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out,
                CK_ULONG* out_size) final;

 protected:
  // The caller keeps its own buffer alive until C_Encrypt has returned.
  struct Operation {
    CK_BYTE* callers_iv = nullptr;
    std::vector<CK_BYTE> iv;
    CK_GCM_PARAMS parameters{};
  };

  virtual bool IsMine(const CK_MECHANISM& mechanism) const = 0;
  // 0: these parameters are refused.
  virtual CK_ULONG IvSize(const CK_GCM_PARAMS& parameters) const = 0;
  // What the output holds beside ciphertext and tag.
  virtual CK_ULONG ExtraSize(const Operation& operation) const = 0;
  virtual void Deliver(const Operation& operation, const std::vector<CK_BYTE>& sealed,
                       CK_BYTE* out) const = 0;

  // For what a derived act keeps of a session.
  virtual void Forget(Session) {}

 private:
  SessionMap<Operation> operations_;
};

}  // namespace mortise::test
