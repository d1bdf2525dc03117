// SPDX-License-Identifier: Apache-2.0
#include "hsm/cryptoki/key_generation.h"

#include <gtest/gtest.h>

#include "hsm/cryptoki/attributes.h"
#include "hsm/cryptoki/slot.h"
#include "test/support/matchers.h"
#include "test/support/softhsm_token.h"

namespace mortise::hsm {
namespace {

using test::SoftHsmToken;
using test::ThrowsError;

// A token without keys, behind the fault module, logged in.
class EmptyTokenTest : public ::testing::Test {
 protected:
  EmptyTokenTest() {
    token_.Export();
    module_.emplace(SoftHsmToken::FaultModule());
    session_.emplace(*module_, FindToken(*module_, token_.uri()), true);
    session_->Login(CKU_USER, token_.Pin().view());
  }

  CK_OBJECT_HANDLE Generate() { return GenerateAesKey(*session_, label_, id_, CKM_AES_GCM); }
  std::optional<bool> Bool(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type) {
    return ReadBool(*session_, key, type);
  }

  SoftHsmToken token_;
  std::optional<Module> module_;
  std::optional<Session> session_;
  std::string label_ = "prod.1.20260131T1200Z.01.c7d386";
  Bytes id_ = Bytes(16, 0xab);
};

TEST_F(EmptyTokenTest, MakesAKeyThatNeverLeavesTheToken) {
  const CK_OBJECT_HANDLE key = Generate();
  for (const CK_ATTRIBUTE_TYPE type : {CKA_TOKEN, CKA_PRIVATE, CKA_SENSITIVE, CKA_ALWAYS_SENSITIVE,
                                       CKA_NEVER_EXTRACTABLE, CKA_LOCAL}) {
    EXPECT_EQ(Bool(key, type), true) << "attribute " << type;
  }
  EXPECT_EQ(Bool(key, CKA_EXTRACTABLE), false);
  EXPECT_EQ(Bool(key, CKA_MODIFIABLE), false);
  EXPECT_EQ(Bool(key, CKA_COPYABLE), false);
  EXPECT_EQ(ReadUlong(*session_, key, CKA_VALUE_LEN), 32U);
}

TEST_F(EmptyTokenTest, MakesAKeyForEncryptAndDecryptOnly) {
  const CK_OBJECT_HANDLE key = Generate();
  EXPECT_EQ(Bool(key, CKA_ENCRYPT), true);
  EXPECT_EQ(Bool(key, CKA_DECRYPT), true);
  for (const CK_ATTRIBUTE_TYPE type : {CKA_WRAP, CKA_UNWRAP, CKA_SIGN, CKA_VERIFY, CKA_DERIVE}) {
    EXPECT_EQ(Bool(key, type), false) << "attribute " << type;
  }
  EXPECT_EQ(ReadUlong(*session_, key, CKA_ALLOWED_MECHANISMS), CKM_AES_GCM);
}

TEST_F(EmptyTokenTest, DoesWithoutAnAttributeThatTheTokenDoesNotKnow) {
  token_.faults().Once("C_GenerateKey", CKR_ATTRIBUTE_TYPE_INVALID);
  token_.faults().Once("C_GenerateKey", CKR_GENERAL_ERROR);
  const CK_OBJECT_HANDLE key = Generate();
  EXPECT_EQ(Bool(key, CKA_NEVER_EXTRACTABLE), true);
  EXPECT_EQ(Bool(key, CKA_COPYABLE), true);
}

TEST_F(EmptyTokenTest, DoesNotTryAgainWhenTheTemplateIsNotToBlame) {
  token_.faults().Answer("C_GenerateKey", CKR_DEVICE_ERROR);
  EXPECT_THAT([this] { Generate(); }, ThrowsError(Reason::kUnavailable, "C_GenerateKey"));
  EXPECT_EQ(token_.faults().Calls("C_GenerateKey"), 1U);
}

TEST_F(EmptyTokenTest, LeavesNoKeyBehindWhoseLabelTheTokenDidNotKeep) {
  token_.faults().Once("C_GetAttributeValue", CKR_ATTRIBUTE_TYPE_INVALID);
  EXPECT_THAT([this] { Generate(); }, ThrowsError(Reason::kKeyRefused, "shorter name"));
  EXPECT_TRUE(FindPrivateKeys(*session_, CKO_SECRET_KEY, CKK_AES).empty());
}

}  // namespace
}  // namespace mortise::hsm
