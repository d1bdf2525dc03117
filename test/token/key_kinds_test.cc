// SPDX-License-Identifier: Apache-2.0
// Every kind of key that a scheme needs, on every token that tests can reach in this process.
#include <gtest/gtest.h>

#include "hsm/cryptoki/attributes.h"
#include "hsm/cryptoki/key_generation.h"
#include "hsm/cryptoki/slot.h"
#include "hsm/scheme/public_half.h"
#include "test/support/nss_token.h"
#include "test/support/softhsm_token.h"

namespace mortise::hsm {
namespace {

class KeyKindsTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const bool is_nss = GetParam() == std::string("nss");
    if (is_nss) {
      if (const auto why_not = test::NssToken::WhyNot()) GTEST_SKIP() << *why_not;
      token_ = std::make_unique<test::NssToken>();
    } else {
      token_ = std::make_unique<test::SoftHsmToken>();
    }
    token_->Export();
    const config::Token config = token_->ToConfig();
    module_.emplace(config.module, config.init_args);
    session_.emplace(*module_, FindToken(*module_, config.uri), true);
    session_->Login(CKU_USER, token_->Pin().view());
  }

  void ExpectProtected(CK_OBJECT_HANDLE key) {
    for (const CK_ATTRIBUTE_TYPE type : {CKA_TOKEN, CKA_PRIVATE, CKA_SENSITIVE}) {
      EXPECT_EQ(ReadBool(*session_, key, type), true) << "attribute " << type;
    }
    EXPECT_EQ(ReadBool(*session_, key, CKA_EXTRACTABLE), false);
    EXPECT_EQ(ReadBool(*session_, key, CKA_MODIFIABLE), false);
    EXPECT_EQ(ReadBytes(*session_, key, CKA_ID), id_);
    EXPECT_EQ(AsText(ReadBytes(*session_, key, CKA_LABEL).value()), label_);
  }
  void ExpectUses(CK_OBJECT_HANDLE key, std::vector<CK_ATTRIBUTE_TYPE> allowed,
                  std::vector<CK_ATTRIBUTE_TYPE> forbidden) {
    for (const auto type : allowed) EXPECT_EQ(ReadBool(*session_, key, type), true) << type;
    for (const auto type : forbidden) EXPECT_EQ(ReadBool(*session_, key, type), false) << type;
  }

  std::size_t PublicObjects() {
    CK_OBJECT_CLASS object_class = CKO_PUBLIC_KEY;
    CK_ATTRIBUTE wanted{CKA_CLASS, &object_class, sizeof(object_class)};
    const CK_FUNCTION_LIST& p11 = session_->p11();
    std::array<CK_OBJECT_HANDLE, 8> found;
    CK_ULONG count = 0;
    p11.C_FindObjectsInit(session_->handle(), &wanted, 1);
    p11.C_FindObjects(session_->handle(), found.data(), found.size(), &count);
    p11.C_FindObjectsFinal(session_->handle());
    if (count > 0) public_object_ = found[0];
    return count;
  }

  const std::string label_ = "prod.1.20260131T1200Z.06.c7d386";
  const Bytes id_ = Bytes(16, 0xab);
  std::unique_ptr<test::TestToken> token_;
  std::optional<Module> module_;
  std::optional<Session> session_;
  CK_OBJECT_HANDLE public_object_ = CK_INVALID_HANDLE;
};

TEST_P(KeyKindsTest, MakesAMacKeyThatSignsAndVerifiesOnly) {
  const CK_OBJECT_HANDLE key = GenerateMacKey(*session_, label_, id_);
  ExpectProtected(key);
  ExpectUses(key, {CKA_SIGN, CKA_VERIFY},
             {CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP, CKA_DERIVE});
  EXPECT_EQ(ReadUlong(*session_, key, CKA_VALUE_LEN), 32U);
}

TEST_P(KeyKindsTest, MakesAnRsaKeyThatDecryptsOnlyAndLeavesNoPublicObject) {
  const CK_OBJECT_HANDLE key = GenerateRsaKey(*session_, label_, id_, 3072);
  ExpectProtected(key);
  ExpectUses(key, {CKA_DECRYPT}, {CKA_SIGN, CKA_UNWRAP});
  EXPECT_EQ(ReadPublicHalf(*session_, key)->bits(), 3072);
  EXPECT_EQ(PublicObjects(), 0U);
}

TEST_P(KeyKindsTest, MakesASignerWhosePublicHalfCanBeHad) {
  const CK_OBJECT_HANDLE key = GenerateSignerKey(*session_, label_, id_, SignerKind::kP256);
  ExpectProtected(key);
  ExpectUses(key, {CKA_SIGN}, {CKA_DERIVE});
  std::optional<PublicKey> half = ReadPublicHalf(*session_, key);
  EXPECT_EQ(PublicObjects(), half ? 0U : 1U);
  if (!half) half = ReadPublicHalf(*session_, public_object_);
  ASSERT_TRUE(half.has_value());
  EXPECT_TRUE(SignsFor(*session_, key, *half));
}

INSTANTIATE_TEST_SUITE_P(Tokens, KeyKindsTest, ::testing::Values("softhsm", "nss"));

}  // namespace
}  // namespace mortise::hsm
