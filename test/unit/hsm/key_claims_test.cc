// SPDX-License-Identifier: Apache-2.0
#include "hsm/key_claims.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mortise::hsm {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(KeyClaimsTest, GivesAKeyToTheKeyringThatCameFirst) {
  KeyClaims claims;
  EXPECT_THAT(claims.Claim("hsm-a", "prod", {"x", "y"}), IsEmpty());
  EXPECT_THAT(claims.Claim("hsm-a", "test", {"y", "z"}), ElementsAre(Pair("y", "prod")));
  EXPECT_THAT(claims.Claim("hsm-a", "prod", {"x", "y"}), IsEmpty());
}

TEST(KeyClaimsTest, HoldsEqualIdsOfTwoTokensForTwoKeys) {
  KeyClaims claims;
  claims.Claim("hsm-a", "prod", {"x"});
  EXPECT_THAT(claims.Claim("hsm-b", "test", {"x"}), IsEmpty());
}

TEST(KeyClaimsTest, LetsGoOfWhatIsNoLongerListed) {
  KeyClaims claims;
  claims.Claim("hsm-a", "prod", {"x"});
  claims.Claim("hsm-a", "prod", {});
  EXPECT_THAT(claims.Claim("hsm-a", "test", {"x"}), IsEmpty());
}

}  // namespace
}  // namespace mortise::hsm
