// SPDX-License-Identifier: Apache-2.0
// What pkcs11-fault.so plays of other vendors' tokens, over SoftHSM2.
#include <gmock/gmock.h>

#include "test/token/acting_token.h"

namespace mortise::test {
namespace {

using ::testing::Contains;
using ::testing::Not;

using WrittenBackTest = ActingTokenTest;
using AppendedTest = ActingTokenTest;
using PrependedTest = ActingTokenTest;
using FipsNoCallerTest = ActingTokenTest;
using NoSessionKeysTest = ActingTokenTest;
using KwpActTest = ActingTokenTest;

TEST_F(WrittenBackTest, PutsItsIvIntoTheCallersZeros) {
  Play("written-back");
  GcmMechanism mechanism(zeros_);
  CK_MECHANISM* const given = mechanism.get();
  const Answer sealed = Encrypt(given, plain_);
  ASSERT_EQ(sealed.rv, CKR_OK);
  EXPECT_EQ(sealed.out.size(), plain_.size() + 16);
  EXPECT_FALSE(IsZero(mechanism.iv()));
  EXPECT_EQ(DecryptWith(mechanism.iv(), sealed.out).out, plain_);
}

TEST_F(WrittenBackTest, MakesAnotherIvEachTime) {
  Play("written-back");
  GcmMechanism first(zeros_), second(zeros_);
  EXPECT_EQ(Encrypt(first.get(), plain_).rv, CKR_OK);
  EXPECT_EQ(Encrypt(second.get(), plain_).rv, CKR_OK);
  EXPECT_NE(first.iv(), second.iv());
}

TEST_F(WrittenBackTest, RefusesAnIvOfTheCaller) {
  Play("written-back");
  GcmMechanism mechanism(Bytes(12, 1));
  EXPECT_EQ(Encrypt(mechanism.get(), plain_).rv, CKR_MECHANISM_PARAM_INVALID);
}

TEST_F(WrittenBackTest, RefusesAMissingBufferAnotherLengthAndMissingBits) {
  Play("written-back");
  GcmMechanism none = GcmMechanism::WithoutIv(96);
  GcmMechanism longer(Bytes(16));
  GcmMechanism no_bits(zeros_);
  no_bits.SetIvBits(0);
  for (GcmMechanism* mechanism : {&none, &longer, &no_bits}) {
    EXPECT_EQ(Encrypt(mechanism->get(), plain_).rv, CKR_MECHANISM_PARAM_INVALID);
  }
}

TEST_F(AppendedTest, PutsAnIvOfTheWantedLengthBehindTheTag) {
  Play("appended");
  for (const auto& [bits, size] : {std::pair{96, 12}, {0, 16}, {128, 16}}) {
    GcmMechanism mechanism = GcmMechanism::WithoutIv(static_cast<CK_ULONG>(bits));
    const Answer sealed = Encrypt(mechanism.get(), plain_);
    ASSERT_EQ(sealed.rv, CKR_OK);
    ASSERT_EQ(sealed.out.size(), plain_.size() + 16 + static_cast<std::size_t>(size));
    const Bytes iv = After(sealed.out, plain_.size() + 16);
    EXPECT_EQ(DecryptWith(iv, First(sealed.out, plain_.size() + 16)).out, plain_);
  }
}

TEST_F(AppendedTest, AlwaysAppendsSixteenBytesWithTheOldFirmware) {
  Play("appended-16");
  GcmMechanism mechanism = GcmMechanism::WithoutIv(96);
  EXPECT_EQ(Encrypt(mechanism.get(), plain_).out.size(), plain_.size() + 16 + 16);
}

TEST_F(AppendedTest, RefusesAnyIvOfTheCaller) {
  Play("appended");
  GcmMechanism zero(zeros_), random(Bytes(12, 1));
  EXPECT_EQ(Encrypt(zero.get(), plain_).rv, CKR_MECHANISM_PARAM_INVALID);
  EXPECT_EQ(Encrypt(random.get(), plain_).rv, CKR_MECHANISM_PARAM_INVALID);
}

TEST_F(AppendedTest, DecryptsOnlyWhenTheBitsOfTheIvAreSaid) {
  Play("appended");
  GcmMechanism mechanism(Bytes(16, 1));
  mechanism.SetIvBits(0);
  EXPECT_EQ(Decrypt(mechanism.get(), Bytes(48)).rv, CKR_MECHANISM_PARAM_INVALID);
}

TEST_F(AppendedTest, SaysHowMuchRoomTheIvNeedsAndThenEncrypts) {
  Play("appended");
  GcmMechanism mechanism = GcmMechanism::WithoutIv(0);
  ASSERT_EQ(p11().C_EncryptInit(session(), mechanism.get(), key_), CKR_OK);
  Bytes plain = plain_, out(48);
  CK_ULONG size = out.size();
  EXPECT_EQ(p11().C_Encrypt(session(), plain.data(), plain.size(), out.data(), &size),
            CKR_BUFFER_TOO_SMALL);
  EXPECT_EQ(size, 64U);
  out.resize(size);
  EXPECT_EQ(p11().C_Encrypt(session(), plain.data(), plain.size(), out.data(), &size), CKR_OK);
}

TEST_F(PrependedTest, CarriesTheIvInFrontBothWays) {
  Play("prepended");
  GcmMechanism mechanism = GcmMechanism::WithoutIv(0, CKM_CLOUDHSM_AES_GCM);
  const Answer sealed = Encrypt(mechanism.get(), plain_);
  ASSERT_EQ(sealed.rv, CKR_OK);
  EXPECT_EQ(sealed.out.size(), 12 + plain_.size() + 16);
  EXPECT_EQ(Decrypt(mechanism.get(), sealed.out).out, plain_);
  EXPECT_EQ(DecryptWith(First(sealed.out, 12), After(sealed.out, 12)).out, plain_);
}

TEST_F(PrependedTest, RefusesATamperedBlob) {
  Play("prepended");
  GcmMechanism mechanism = GcmMechanism::WithoutIv(0, CKM_CLOUDHSM_AES_GCM);
  Answer sealed = Encrypt(mechanism.get(), plain_);
  ASSERT_EQ(sealed.rv, CKR_OK);
  for (const std::size_t at : {0U, 12U, 59U}) {
    Bytes tampered = sealed.out;
    tampered[at] ^= 1;
    EXPECT_NE(Decrypt(mechanism.get(), tampered).rv, CKR_OK) << at;
  }
}

TEST_F(PrependedTest, RefusesIvsInEitherMechanism) {
  Play("prepended");
  GcmMechanism vendors(Bytes(12, 1), CKM_CLOUDHSM_AES_GCM), standard(Bytes(12, 1));
  EXPECT_EQ(Encrypt(vendors.get(), plain_).rv, CKR_MECHANISM_PARAM_INVALID);
  EXPECT_EQ(Encrypt(standard.get(), plain_).rv, CKR_MECHANISM_PARAM_INVALID);
}

TEST_F(PrependedTest, ListsTheVendorsMechanismWhilePlayedOnly) {
  EXPECT_THAT(Mechanisms(), Not(Contains(CKM_CLOUDHSM_AES_GCM)));
  Play("prepended");
  EXPECT_THAT(Mechanisms(), Contains(CKM_CLOUDHSM_AES_GCM));
  EXPECT_EQ(FlagsOf(CKM_CLOUDHSM_AES_GCM), FlagsOf(CKM_AES_GCM));
}

TEST_F(FipsNoCallerTest, EncryptsNoGcmAndDecryptsIt) {
  GcmMechanism mechanism(Bytes(12, 1));
  const Answer sealed = Encrypt(mechanism.get(), plain_);
  Play("fips-no-caller");
  GcmMechanism zero(zeros_), none = GcmMechanism::WithoutIv(0);
  for (GcmMechanism* refused : {&mechanism, &zero, &none}) {
    EXPECT_EQ(Encrypt(refused->get(), plain_).rv, CKR_MECHANISM_PARAM_INVALID);
  }
  EXPECT_EQ(Decrypt(mechanism.get(), sealed.out).out, plain_);
}

TEST_F(NoSessionKeysTest, MakesKeysOfTheTokenOnly) {
  Play("no-session-keys");
  CK_BBOOL yes = CK_TRUE;
  CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
  EXPECT_EQ(GenerateKey(key).rv, CKR_TEMPLATE_INCONSISTENT);
  EXPECT_EQ(GenerateKey(key, {{CKA_TOKEN, &yes, sizeof(yes)}}).rv, CKR_OK);
}

TEST_F(KwpActTest, GivesTheResultsOfRfc5649) {
  Play("kwp");
  key_ = ImportKey({0x58, 0x40, 0xdf, 0x6e, 0x29, 0xb0, 0x2a, 0xf1, 0xab, 0x49, 0x3b, 0x70,
                    0x5b, 0xf1, 0x6e, 0xa1, 0xae, 0x83, 0x38, 0xf4, 0xdc, 0xc1, 0x76, 0xa8});
  CK_MECHANISM kwp{CKM_AES_KEY_WRAP_KWP, nullptr, 0};
  const Bytes twenty = {0xc3, 0x7b, 0x7e, 0x64, 0x92, 0x58, 0x43, 0x40, 0xbe, 0xd1,
                        0x22, 0x07, 0x80, 0x89, 0x41, 0x15, 0x50, 0x68, 0xf7, 0x38};
  const Bytes seven = {0x46, 0x6f, 0x72, 0x50, 0x61, 0x73, 0x69};
  EXPECT_EQ(Encrypt(&kwp, twenty).out,
            (Bytes{0x13, 0x8b, 0xde, 0xaa, 0x9b, 0x8f, 0xa7, 0xfc, 0x61, 0xf9, 0x77,
                   0x42, 0xe7, 0x22, 0x48, 0xee, 0x5a, 0xe6, 0xae, 0x53, 0x60, 0xd1,
                   0xae, 0x6a, 0x5f, 0x54, 0xf3, 0x73, 0xfa, 0x54, 0x3b, 0x6a}));
  EXPECT_EQ(Encrypt(&kwp, seven).out, (Bytes{0xaf, 0xbe, 0xb0, 0xf0, 0x7d, 0xfb, 0xf5, 0x41, 0x92,
                                             0x00, 0xf2, 0xcc, 0xb5, 0x0b, 0xb2, 0x4f}));
}

TEST_F(KwpActTest, UnwrapsWhatItWrappedAndNothingElse) {
  Play("kwp");
  CK_MECHANISM kwp{CKM_AES_KEY_WRAP_KWP, nullptr, 0};
  for (const std::size_t size : {1U, 8U, 9U, 32U, 33U}) {
    const Bytes plain(size, 0x5a);
    Answer sealed = Encrypt(&kwp, plain);
    ASSERT_EQ(sealed.rv, CKR_OK);
    EXPECT_EQ(Decrypt(&kwp, sealed.out).out, plain);
    sealed.out.back() ^= 1;
    EXPECT_EQ(Decrypt(&kwp, sealed.out).rv, CKR_ENCRYPTED_DATA_INVALID);
  }
  EXPECT_EQ(Decrypt(&kwp, Bytes(39)).rv, CKR_ENCRYPTED_DATA_LEN_RANGE);
}

TEST_F(KwpActTest, ObeysWhatTheKeyMayDo) {
  Play("kwp");
  CK_MECHANISM kwp{CKM_AES_KEY_WRAP_KWP, nullptr, 0};
  CK_BBOOL no = CK_FALSE;
  CK_ATTRIBUTE denied{CKA_ENCRYPT, &no, sizeof(no)};
  ASSERT_EQ(p11().C_SetAttributeValue(session(), key_, &denied, 1), CKR_OK);
  EXPECT_EQ(p11().C_EncryptInit(session(), &kwp, key_), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

TEST_F(KwpActTest, WorksWithAKeyThatAllowsNothingElse) {
  Play("kwp");
  CK_MECHANISM kwp{CKM_AES_KEY_WRAP_KWP, nullptr, 0};
  CK_MECHANISM_TYPE allowed = CKM_AES_KEY_WRAP_KWP;
  ASSERT_EQ(GenerateKey(key_, {{CKA_ALLOWED_MECHANISMS, &allowed, sizeof(allowed)}}).rv, CKR_OK);
  const Answer sealed = Encrypt(&kwp, plain_);
  EXPECT_EQ(Decrypt(&kwp, sealed.out).out, plain_);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&allowed);
  EXPECT_EQ(Read(key_, CKA_ALLOWED_MECHANISMS).out, Bytes(bytes, bytes + sizeof(allowed)));
  GcmMechanism gcm(Bytes(12, 1));
  EXPECT_NE(Encrypt(gcm.get(), plain_).rv, CKR_OK);
}

TEST_F(KwpActTest, IsListedWithBothDirectionsWhilePlayedOnly) {
  EXPECT_THAT(Mechanisms(), Not(Contains(CKM_AES_KEY_WRAP_KWP)));
  EXPECT_EQ(FlagsOf(CKM_AES_KEY_WRAP_KWP), 0U);
  Play("kwp");
  EXPECT_THAT(Mechanisms(), Contains(CKM_AES_KEY_WRAP_KWP));
  EXPECT_EQ(FlagsOf(CKM_AES_KEY_WRAP_KWP), CK_FLAGS{CKF_ENCRYPT | CKF_DECRYPT});
}

TEST_F(FipsNoCallerTest, LeavesKwpWhereBothArePlayed) {
  Play("fips-no-caller, kwp");
  CK_MECHANISM kwp{CKM_AES_KEY_WRAP_KWP, nullptr, 0};
  EXPECT_EQ(Decrypt(&kwp, Encrypt(&kwp, plain_).out).out, plain_);
}

// An IV of 16 bytes is the caller's on SoftHSM2 itself.
TEST_F(ActingTokenTest, TakesCallersIvsOfTwelveAndSixteenBytesWhereNothingIsPlayed) {
  for (const std::size_t size : {12U, 16U}) {
    GcmMechanism mechanism(Bytes(size, 1));
    const Answer sealed = Encrypt(mechanism.get(), plain_);
    EXPECT_EQ(DecryptWith(mechanism.iv(), sealed.out).out, plain_);
  }
}

TEST_F(ActingTokenTest, PlaysTheLastOfTheIvActsAndNoneAfterClear) {
  Play("appended");
  Play("written-back");
  GcmMechanism zeros(zeros_), callers(Bytes(12, 1));
  EXPECT_EQ(Encrypt(zeros.get(), plain_).rv, CKR_OK);
  EXPECT_EQ(Encrypt(callers.get(), plain_).rv, CKR_MECHANISM_PARAM_INVALID);
  token_.faults().Clear();
  EXPECT_EQ(Encrypt(callers.get(), plain_).rv, CKR_OK);
}

TEST_F(ActingTokenTest, RefusesARoleThatDoesNotExist) {
  EXPECT_THROW(Play("written-front"), std::invalid_argument);
  EXPECT_THROW(Play("label-limit=many"), std::invalid_argument);
}

struct EnvironmentActTest : ActingTokenTest {
  EnvironmentActTest() : ActingTokenTest("appended, max-sessions=3") {}
};

TEST_F(EnvironmentActTest, PlaysWhatTheEnvironmentNames) {
  GcmMechanism mechanism = GcmMechanism::WithoutIv(0);
  EXPECT_EQ(Encrypt(mechanism.get(), plain_).out.size(), 64U);
  CK_TOKEN_INFO info{};
  EXPECT_EQ(p11().C_GetTokenInfo(slot_, &info), CKR_OK);
  EXPECT_EQ(info.ulMaxSessionCount, 3U);
}

}  // namespace
}  // namespace mortise::test
