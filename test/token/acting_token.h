// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <vector>

#include "hsm/cryptoki/module.h"
#include "hsm/cryptoki/session.h"
#include "test/support/fault_module/pkcs11_v3.h"
#include "test/support/softhsm_token.h"

namespace mortise::test {

struct Answer {
  CK_RV rv = CKR_OK;
  Bytes out;
};

// CKM_AES_GCM, or another mechanism with its parameters, that owns what it points to.
class GcmMechanism {
 public:
  explicit GcmMechanism(const Bytes& iv, CK_MECHANISM_TYPE type = CKM_AES_GCM);
  // No IV is given; `iv_bits` says which one is wanted.
  static GcmMechanism WithoutIv(CK_ULONG iv_bits, CK_MECHANISM_TYPE type = CKM_AES_GCM);

  void SetAad(const Bytes& aad) { aad_ = aad; }
  void SetIvBits(CK_ULONG bits) { iv_bits_ = bits; }
  const Bytes& iv() const { return iv_; }
  // Points into this object.
  CK_MECHANISM* get();

 private:
  Bytes iv_;
  Bytes aad_ = Bytes(32, 0x77);
  CK_ULONG iv_bits_;
  CK_GCM_PARAMS parameters_{};
  CK_MECHANISM mechanism_;
};

// A session on SoftHSM2 through pkcs11-fault.so, logged in, with one AES key of the
// session; which roles are played is the test's to say.
class ActingTokenTest : public ::testing::Test {
 protected:
  explicit ActingTokenTest(const char* act_of_environment = nullptr);

  const CK_FUNCTION_LIST& p11() const { return module_->p11(); }
  CK_SESSION_HANDLE session() const { return session_->handle(); }
  void Play(std::string_view roles) { token_.faults().Play(roles); }

  // With CKA_TOKEN false, and what `more` adds.
  Answer GenerateKey(CK_OBJECT_HANDLE& key, std::vector<CK_ATTRIBUTE> more = {});
  CK_OBJECT_HANDLE ImportKey(Bytes value);

  Answer Encrypt(CK_MECHANISM* mechanism, Bytes plain, CK_ULONG room = 256);
  Answer Decrypt(CK_MECHANISM* mechanism, Bytes sealed, CK_ULONG room = 256);
  // By the IV itself, as every token takes it.
  Answer DecryptWith(const Bytes& iv, const Bytes& sealed);

  std::vector<CK_MECHANISM_TYPE> Mechanisms() const;
  CK_FLAGS FlagsOf(CK_MECHANISM_TYPE type) const;
  Answer Read(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) const;

  SoftHsmToken token_;
  std::optional<hsm::Module> module_;
  CK_SLOT_ID slot_ = 0;
  std::optional<hsm::Session> session_;
  CK_OBJECT_HANDLE key_ = CK_INVALID_HANDLE;
  const Bytes plain_ = Bytes(32, 0x5a);
  const Bytes zeros_ = Bytes(12);
};

// The pieces of an output.
Bytes First(const Bytes& bytes, std::size_t size);
Bytes After(const Bytes& bytes, std::size_t size);
bool IsZero(const Bytes& bytes);

// C_GetInterface of the fault module for PKCS#11 3.0; null: it has none.
CK_FUNCTION_LIST_3_0* VersionThree();

}  // namespace mortise::test
