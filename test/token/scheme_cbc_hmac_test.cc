// SPDX-License-Identifier: Apache-2.0
#include "hsm/scheme/aes_cbc_hmac.h"

#include "hsm/scheme/authenticator.h"
#include "hsm/scheme/payload.h"
#include "test/token/scheme_fixture.h"

namespace mortise::hsm {
namespace {

class CbcHmacTest : public test::SchemeTest {
 protected:
  CbcHmacTest() {
    Open();
    kek_.wrap = GenerateThrowAwayAesKey(*anchor_);
    kek_.authenticator = GenerateThrowAwayMacKey(*anchor_);
  }

  // An envelope whose tag is right, whatever its payload is.
  std::string Forged(const Bytes& payload) {
    Bytes iv(16, 7);
    Bytes body(payload.size() + 16);
    body.resize(anchor_->Encrypt({CKM_AES_CBC, iv.data(), iv.size()}, kek_.wrap, payload, body));
    const Digest binding =
        BindingFor(identity_, EnvelopeHeader(SchemeId::kAesCbcHmac, 16, sizeof(Digest)));
    constexpr std::string_view kDomain("mortise.cbc-hmac.v1\0", 20);
    Bytes message(kDomain.begin(), kDomain.end());
    for (const ByteView part : {ByteView(binding), ByteView(iv), ByteView(body)}) {
      message.insert(message.end(), part.begin(), part.end());
    }
    const Digest tag = MacInToken(*anchor_, kek_.authenticator, message);
    return Serialize(SchemeId::kAesCbcHmac, iv, body, tag);
  }

  AesCbcHmac cbc_;
};

TEST_F(CbcHmacTest, OpensEverySeedThatItWrapped) {
  ExpectEverySeedOpens(cbc_);
}

TEST_F(CbcHmacTest, OpensForNothingElse) {
  ExpectNothingElseOpens(cbc_);
}

TEST_F(CbcHmacTest, TakesFiveCallsToWrapAndFourToUnwrap) {
  EXPECT_EQ(CallsOfWrap(cbc_), 5U);
  EXPECT_EQ(CallsOfUnwrap(cbc_), 4U);
}

TEST_F(CbcHmacTest, DecryptsNothingBeforeItsTagIsRight) {
  const std::string envelope = Wrap(cbc_);
  const std::uint64_t before = token_.faults().Calls("C_Decrypt");
  EXPECT_TRUE(IsRefused(cbc_, Flipped(envelope, envelope.size() - 1)));
  EXPECT_EQ(token_.faults().Calls("C_Decrypt"), before);
}

TEST_F(CbcHmacTest, RefusesAPayloadOfAnotherFormUnderARightTag) {
  Bytes good(16, 0);
  good[0] = 3;
  good[1] = good[2] = good[3] = 0xab;
  EXPECT_EQ(Unwrap(cbc_, Forged(good)), "ababab");
  Bytes no_zeros = good;
  no_zeros[15] = 1;
  Bytes empty = good;
  empty[0] = 0;
  Bytes too_long = good;
  too_long[0] = 16;
  Bytes too_short = Bytes(32, 0);
  too_short[0] = 3;
  for (const Bytes& payload : {no_zeros, empty, too_long, too_short}) {
    EXPECT_TRUE(IsRefused(cbc_, Forged(payload))) << ToHex(payload);
  }
}

TEST_F(CbcHmacTest, RefusesAnEnvelopeOfAnotherMacKey) {
  const std::string envelope = Wrap(cbc_);
  kek_.authenticator = GenerateThrowAwayMacKey(*anchor_);
  EXPECT_TRUE(IsRefused(cbc_, envelope));
}

}  // namespace
}  // namespace mortise::hsm
