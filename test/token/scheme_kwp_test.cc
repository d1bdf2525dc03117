// SPDX-License-Identifier: Apache-2.0
#include "hsm/scheme/aes_kwp.h"

#include "test/token/scheme_fixture.h"

namespace mortise::hsm {
namespace {

using test::ThrowsError;

class KwpTest : public test::SchemeTest {
 protected:
  void OpenWithKey(std::string_view roles = "kwp") {
    Open(roles);
    kek_.wrap = GenerateThrowAwayAesKey(*anchor_);
  }
  AesKwp kwp_;
};

TEST_F(KwpTest, OpensEverySeedThatItWrapped) {
  OpenWithKey();
  ExpectEverySeedOpens(kwp_);
}

TEST_F(KwpTest, OpensForNothingElse) {
  OpenWithKey();
  ExpectNothingElseOpens(kwp_);
}

TEST_F(KwpTest, GivesEqualEnvelopesForEqualSeeds) {
  OpenWithKey();
  EXPECT_EQ(ToHex(AsBytes(Wrap(kwp_))), ToHex(AsBytes(Wrap(kwp_))));
}

TEST_F(KwpTest, TakesTwoCallsToWrapAndTwoToUnwrap) {
  OpenWithKey();
  EXPECT_EQ(CallsOfWrap(kwp_), 2U);
  EXPECT_EQ(CallsOfUnwrap(kwp_), 2U);
}

TEST_F(KwpTest, SaysThatATokenHasNoSuchMechanism) {
  Open();  // SoftHSM2 as it is
  kek_.wrap = GenerateThrowAwayAesKey(*anchor_);
  EXPECT_THAT([this] { Wrap(kwp_); }, ThrowsError(Reason::kKeyRefused, "MECHANISM_INVALID"));
}

TEST_F(KwpTest, RefusesAnEnvelopeOfAnotherKey) {
  OpenWithKey();
  const std::string envelope = Wrap(kwp_);
  kek_.wrap = GenerateThrowAwayAesKey(*anchor_);
  EXPECT_TRUE(IsRefused(kwp_, envelope));
}

}  // namespace
}  // namespace mortise::hsm
