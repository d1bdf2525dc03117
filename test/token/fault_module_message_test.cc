// SPDX-License-Identifier: Apache-2.0
// The message functions of PKCS#11 3.0 as pkcs11-fault.so plays them over SoftHSM2.
#include "test/token/acting_token.h"

namespace mortise::test {
namespace {

struct Message {
  CK_RV rv = CKR_OK;
  Bytes iv = Bytes(12);
  Bytes tag = Bytes(16);
  Bytes out;
  Bytes sealed() const {
    Bytes both = out;
    both.insert(both.end(), tag.begin(), tag.end());
    return both;
  }
};

class MessageRandomTest : public ActingTokenTest {
 protected:
  MessageRandomTest() { Play("message-random"); }

  CK_RV Init() {
    CK_MECHANISM mechanism{CKM_AES_GCM, nullptr, 0};
    return VersionThree()->C_MessageEncryptInit(session(), &mechanism, key_);
  }
  Message EncryptMessage(CK_ULONG generator = CKG_GENERATE_RANDOM) {
    Message message;
    CK_GCM_MESSAGE_PARAMS parameters{message.iv.data(), message.iv.size(),  0,
                                     generator,         message.tag.data(), 128};
    Bytes aad(32, 0x77), plain = plain_;
    message.out.resize(256);
    CK_ULONG size = message.out.size();
    message.rv = VersionThree()->C_EncryptMessage(session(), &parameters, sizeof(parameters),
                                                  aad.data(), aad.size(), plain.data(),
                                                  plain.size(), message.out.data(), &size);
    message.out.resize(size);
    return message;
  }
  CK_RV Final() { return VersionThree()->C_MessageEncryptFinal(session()); }
};

TEST_F(ActingTokenTest, OffersOnlyVersionTwoWhereTheRealModuleHasNoOther) {
  EXPECT_EQ(VersionThree(), nullptr);
  Play("message-random");
  EXPECT_NE(VersionThree(), nullptr);
}

TEST_F(MessageRandomTest, MakesARandomIvForEachMessage) {
  ASSERT_EQ(Init(), CKR_OK);
  const Message first = EncryptMessage(), second = EncryptMessage();
  ASSERT_EQ(first.rv, CKR_OK);
  EXPECT_FALSE(IsZero(first.iv));
  EXPECT_NE(first.iv, second.iv);
  EXPECT_NE(first.out, second.out);
  EXPECT_EQ(Final(), CKR_OK);
}

TEST_F(MessageRandomTest, GivesWhatAPlainDecryptOpens) {
  ASSERT_EQ(Init(), CKR_OK);
  const Message message = EncryptMessage();
  EXPECT_EQ(message.out.size(), plain_.size());
  EXPECT_EQ(Final(), CKR_OK);
  EXPECT_EQ(DecryptWith(message.iv, message.sealed()).out, plain_);
}

TEST_F(MessageRandomTest, CountsFromZeroAfterEachInitWhenTheGeneratorIsLeftToTheToken) {
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(Init(), CKR_OK);
    EXPECT_TRUE(IsZero(EncryptMessage(CKG_GENERATE).iv));
    EXPECT_EQ(EncryptMessage(CKG_GENERATE).iv.back(), 1);
    EXPECT_EQ(Final(), CKR_OK);
  }
}

TEST_F(MessageRandomTest, TakesNoIvOfTheCaller) {
  ASSERT_EQ(Init(), CKR_OK);
  EXPECT_EQ(EncryptMessage(CKG_NO_GENERATE).rv, CKR_MECHANISM_PARAM_INVALID);
  GcmMechanism mechanism(Bytes(12, 1));
  EXPECT_EQ(Encrypt(mechanism.get(), plain_).rv, CKR_MECHANISM_PARAM_INVALID);
}

TEST_F(MessageRandomTest, RefusesMessagesOutsideOfAnOperation) {
  EXPECT_EQ(EncryptMessage().rv, CKR_OPERATION_NOT_INITIALIZED);
  EXPECT_EQ(Final(), CKR_OPERATION_NOT_INITIALIZED);
  ASSERT_EQ(Init(), CKR_OK);
  EXPECT_EQ(Init(), CKR_OPERATION_ACTIVE);
}

TEST_F(MessageRandomTest, SaysSoInTheMechanismsFlags) {
  EXPECT_TRUE(FlagsOf(CKM_AES_GCM) & CKF_MESSAGE_ENCRYPT);
  token_.faults().Clear();
  EXPECT_FALSE(FlagsOf(CKM_AES_GCM) & CKF_MESSAGE_ENCRYPT);
}

TEST_F(MessageRandomTest, CountsAndFailsItsFunctionsLikeAllOthers) {
  ASSERT_EQ(Init(), CKR_OK);
  token_.faults().Once("C_EncryptMessage", CKR_DEVICE_ERROR);
  EXPECT_EQ(EncryptMessage().rv, CKR_DEVICE_ERROR);
  EXPECT_EQ(EncryptMessage().rv, CKR_OK);
  EXPECT_EQ(token_.faults().Calls("C_EncryptMessage"), 2U);
}

TEST_F(MessageRandomTest, CountsWhatItsCallerCallsAndNotWhatItDoesItself) {
  const auto before = token_.faults().Calls();
  ASSERT_EQ(Init(), CKR_OK);
  EncryptMessage();
  EXPECT_EQ(Final(), CKR_OK);
  auto calls = token_.faults().CallsSince(before);
  EXPECT_EQ(calls.erase("C_GetInterface"), 1U);
  EXPECT_EQ(calls, (FaultControl::CallCounts{{"C_MessageEncryptInit", 1},
                                             {"C_EncryptMessage", 1},
                                             {"C_MessageEncryptFinal", 1}}));
}

TEST_F(MessageRandomTest, CanBeToldToUseTheSameIvAgain) {
  Play("same-iv");
  ASSERT_EQ(Init(), CKR_OK);
  EXPECT_EQ(EncryptMessage().iv, EncryptMessage().iv);
}

TEST_F(MessageRandomTest, CanBeToldToKeepItsIvItsTagOrItsOutput) {
  ASSERT_EQ(Init(), CKR_OK);
  Play("iv-not-written");
  EXPECT_TRUE(IsZero(EncryptMessage().iv));
  Play("drops-tag");
  EXPECT_TRUE(IsZero(EncryptMessage().tag));
  Play("unchanged-output");
  EXPECT_EQ(EncryptMessage().out, Bytes(plain_.size()));
}

}  // namespace
}  // namespace mortise::test
