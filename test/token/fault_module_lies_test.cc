// SPDX-License-Identifier: Apache-2.0
// How pkcs11-fault.so lies over SoftHSM2, and what it can be told to say of itself.
#include "test/token/acting_token.h"

namespace mortise::test {
namespace {

class LyingTokenTest : public ActingTokenTest {
 protected:
  Answer Seal(CK_ULONG room = 256) { return Encrypt(GcmMechanism(iv_).get(), plain_, room); }
  Answer Open(const Bytes& sealed, const Bytes& aad = Bytes(32, 0x77)) {
    GcmMechanism mechanism(iv_);
    mechanism.SetAad(aad);
    return Decrypt(mechanism.get(), sealed);
  }
  Bytes SealedTruly() {
    const Answer sealed = Seal();
    EXPECT_EQ(sealed.rv, CKR_OK);
    return sealed.out;
  }

  const Bytes iv_ = Bytes(12, 0x33);
};

TEST_F(LyingTokenTest, GivesOneByteLessOrMoreThanItHas) {
  Play("short-output");
  EXPECT_EQ(Seal().out.size(), 47U);
  token_.faults().Clear();
  Play("long-output");
  EXPECT_EQ(Seal().out.size(), 49U);
}

TEST_F(LyingTokenTest, WritesNothingPastTheCallersRoom) {
  Play("long-output");
  const Answer sealed = Seal(48);
  EXPECT_EQ(sealed.rv, CKR_OK);
  EXPECT_EQ(sealed.out.size(), 48U);
}

TEST_F(LyingTokenTest, GivesAPlaintextOfAnotherLength) {
  const Bytes sealed = SealedTruly();
  Play("short-plaintext");
  EXPECT_EQ(Open(sealed).out, First(plain_, 31));
  token_.faults().Clear();
  Play("long-plaintext");
  EXPECT_EQ(Open(sealed).out.size(), 33U);
}

TEST_F(LyingTokenTest, SucceedsAndWritesNothing) {
  const Bytes sealed = SealedTruly();
  Play("unchanged-output, unchanged-plaintext");
  EXPECT_EQ(Seal().rv, CKR_OK);
  EXPECT_EQ(Seal().out, Bytes(48));
  EXPECT_EQ(Open(sealed).rv, CKR_OK);
  EXPECT_EQ(Open(sealed).out, Bytes(32));
}

TEST_F(LyingTokenTest, DropsTheTag) {
  const Bytes sealed = SealedTruly();
  Play("drops-tag");
  EXPECT_EQ(Seal().out, First(sealed, 32));
}

TEST_F(LyingTokenTest, MakesTheSameIvEachTime) {
  Play("written-back, same-iv");
  GcmMechanism first(zeros_), second(zeros_);
  Encrypt(first.get(), plain_);
  Encrypt(second.get(), plain_);
  EXPECT_FALSE(IsZero(first.iv()));
  EXPECT_EQ(first.iv(), second.iv());
}

TEST_F(LyingTokenTest, KeepsItsIvToItself) {
  Play("written-back, iv-not-written");
  GcmMechanism mechanism(zeros_);
  EXPECT_EQ(Encrypt(mechanism.get(), plain_).rv, CKR_OK);
  EXPECT_TRUE(IsZero(mechanism.iv()));
  Play("appended");
  GcmMechanism none = GcmMechanism::WithoutIv(0);
  EXPECT_TRUE(IsZero(After(Encrypt(none.get(), plain_).out, 48)));
}

TEST_F(LyingTokenTest, HidesNothingYetOpensWhatItGave) {
  Play("identity");
  const Bytes sealed = Seal().out;
  EXPECT_EQ(First(sealed, 32), plain_);
  EXPECT_EQ(Open(sealed).out, plain_);
}

TEST_F(LyingTokenTest, HidesNothingInAnyAct) {
  Play("identity, kwp, prepended");
  CK_MECHANISM kwp{CKM_AES_KEY_WRAP_KWP, nullptr, 0};
  GcmMechanism mechanism = GcmMechanism::WithoutIv(0, CKM_CLOUDHSM_AES_GCM);
  EXPECT_EQ(After(Encrypt(&kwp, plain_).out, 8), plain_);
  EXPECT_EQ(First(After(Encrypt(mechanism.get(), plain_).out, 12), 32), plain_);
  EXPECT_EQ(Decrypt(&kwp, Encrypt(&kwp, plain_).out).out, plain_);
}

TEST_F(LyingTokenTest, OpensWhatATagForbids) {
  Bytes sealed = SealedTruly();
  sealed.back() ^= 1;
  sealed.front() ^= 1;
  EXPECT_NE(Open(sealed).rv, CKR_OK);
  Play("ignores-tag");
  Bytes expected = plain_;
  expected.front() ^= 1;
  EXPECT_EQ(Open(sealed).rv, CKR_OK);
  EXPECT_EQ(Open(sealed).out, expected);
}

TEST_F(LyingTokenTest, OpensWhatKwpForbids) {
  Play("kwp");
  CK_MECHANISM kwp{CKM_AES_KEY_WRAP_KWP, nullptr, 0};
  Bytes sealed = Encrypt(&kwp, plain_).out;
  sealed.back() ^= 1;
  EXPECT_EQ(Decrypt(&kwp, sealed).rv, CKR_ENCRYPTED_DATA_INVALID);
  Play("ignores-tag");
  EXPECT_EQ(Decrypt(&kwp, sealed).rv, CKR_OK);
}

TEST_F(LyingTokenTest, OpensUnderAnyAdditionalData) {
  Play("ignores-aad");
  const Bytes sealed = SealedTruly();
  EXPECT_EQ(Open(sealed, Bytes(32, 0x11)).out, plain_);
  Bytes tampered = sealed;
  tampered.front() ^= 1;
  EXPECT_NE(Open(tampered).rv, CKR_OK);
}

TEST_F(LyingTokenTest, GivesTheSameRandomBytes) {
  Play("constant-random");
  Bytes first(12), second(12);
  session_->FillRandom(first);
  session_->FillRandom(second);
  EXPECT_EQ(first, second);
}

class LyingSignerTest : public LyingTokenTest {
 protected:
  LyingSignerTest() {
    CK_BBOOL yes = CK_TRUE;
    CK_ULONG size = 32;
    CK_MECHANISM generation{CKM_GENERIC_SECRET_KEY_GEN, nullptr, 0};
    std::array<CK_ATTRIBUTE, 3> wanted{{{CKA_VALUE_LEN, &size, sizeof(size)},
                                        {CKA_SIGN, &yes, sizeof(yes)},
                                        {CKA_VERIFY, &yes, sizeof(yes)}}};
    EXPECT_EQ(p11().C_GenerateKey(session(), &generation, wanted.data(), wanted.size(), &mac_key_),
              CKR_OK);
  }

  Bytes Sign(Bytes text) {
    EXPECT_EQ(p11().C_SignInit(session(), &hmac_, mac_key_), CKR_OK);
    Bytes mac(64);
    CK_ULONG size = mac.size();
    EXPECT_EQ(p11().C_Sign(session(), text.data(), text.size(), mac.data(), &size), CKR_OK);
    mac.resize(size);
    return mac;
  }
  CK_RV Verify(Bytes text, Bytes mac) {
    EXPECT_EQ(p11().C_VerifyInit(session(), &hmac_, mac_key_), CKR_OK);
    return p11().C_Verify(session(), text.data(), text.size(), mac.data(), mac.size());
  }

  CK_MECHANISM hmac_{CKM_SHA256_HMAC, nullptr, 0};
  CK_OBJECT_HANDLE mac_key_ = CK_INVALID_HANDLE;
};

TEST_F(LyingSignerTest, SignsAllTheSame) {
  Play("constant-signature");
  EXPECT_EQ(Sign(Bytes(3, 1)), Sign(Bytes(4, 2)));
  EXPECT_EQ(Sign(Bytes(3, 1)).size(), 32U);
}

TEST_F(LyingSignerTest, VerifiesAnything) {
  EXPECT_NE(Verify(Bytes(3, 1), Bytes(32)), CKR_OK);
  Play("verifies-anything");
  EXPECT_EQ(Verify(Bytes(3, 1), Bytes(32)), CKR_OK);
}

TEST_F(LyingSignerTest, GivesAShortSignature) {
  Play("short-output");
  EXPECT_EQ(Sign(plain_).size(), 31U);
}

using FalseFactsTest = ActingTokenTest;

TEST_F(FalseFactsTest, KeepsTheFirstBytesOfALabelOnly) {
  Play("label-limit=4");
  Bytes label = {'l', 'a', 'b', 'e', 'l'};
  CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
  ASSERT_EQ(GenerateKey(key, {{CKA_LABEL, label.data(), label.size()}}).rv, CKR_OK);
  EXPECT_EQ(Read(key, CKA_LABEL).out, First(label, 4));
}

TEST_F(FalseFactsTest, RefusesAnAttributeWithTheCodeGiven) {
  Play("refuse-attribute=0x171:0x12, refuse-attribute=0x40000600:5");
  CK_BBOOL no = CK_FALSE;
  CK_MECHANISM_TYPE gcm = CKM_AES_GCM;
  CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
  EXPECT_EQ(GenerateKey(key, {{CKA_COPYABLE, &no, sizeof(no)}}).rv, CKR_ATTRIBUTE_TYPE_INVALID);
  EXPECT_EQ(GenerateKey(key, {{CKA_ALLOWED_MECHANISMS, &gcm, sizeof(gcm)}}).rv, CKR_GENERAL_ERROR);
  EXPECT_EQ(GenerateKey(key).rv, CKR_OK);
}

TEST_F(FalseFactsTest, DoesNotReportAnAttributeAndReportsItsNeighbour) {
  Play("hide-attribute=0x163");
  CK_BBOOL local = CK_FALSE, encrypt = CK_FALSE;
  std::array<CK_ATTRIBUTE, 2> wanted{
      {{CKA_LOCAL, &local, sizeof(local)}, {CKA_ENCRYPT, &encrypt, sizeof(encrypt)}}};
  EXPECT_EQ(p11().C_GetAttributeValue(session(), key_, wanted.data(), wanted.size()),
            CKR_ATTRIBUTE_TYPE_INVALID);
  EXPECT_EQ(wanted[0].ulValueLen, ~CK_ULONG{0});
  EXPECT_EQ(encrypt, CK_TRUE);
}

TEST_F(FalseFactsTest, ReportsABooleanAsItIsTold) {
  EXPECT_EQ(Read(key_, CKA_LOCAL).out, Bytes{1});
  Play("report-attribute=0x163:0");
  EXPECT_EQ(Read(key_, CKA_LOCAL).out, Bytes{0});
}

TEST_F(FalseFactsTest, AddsFlagsAndASessionLimitToItsTokenInfo) {
  Play("token-flags=0x20000, max-sessions=5");
  CK_TOKEN_INFO info{};
  ASSERT_EQ(p11().C_GetTokenInfo(slot_, &info), CKR_OK);
  EXPECT_TRUE(info.flags & CKF_USER_PIN_FINAL_TRY);
  EXPECT_TRUE(info.flags & CKF_TOKEN_INITIALIZED);
  EXPECT_EQ(info.ulMaxSessionCount, 5U);
}

}  // namespace
}  // namespace mortise::test
