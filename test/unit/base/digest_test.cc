// SPDX-License-Identifier: Apache-2.0
#include "base/digest.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace mortise {
namespace {

// Expected values: FIPS 180-4 and RFC 4231, and `sha256sum` for the framed ones.
TEST(Sha256Test, MatchesThePublishedVectors) {
  EXPECT_EQ(ToHex(Sha256::Of(AsBytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(ToHex(Sha256::Of({})),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Sha256Test, WritesIntegersAndLengthsInBigEndian) {
  const Digest framed = Sha256().AddU8(1).AddU32(0x02030405).AddLp("hi").Finish();
  EXPECT_EQ(framed, Sha256::Of(Bytes{1, 2, 3, 4, 5, 0, 2, 'h', 'i'}));
}

TEST(Sha256Test, RefusesAFieldThatIsTooLongForItsLength) {
  EXPECT_NO_THROW(Sha256().AddLp(std::string(0xffff, 'a')));
  EXPECT_THROW(Sha256().AddLp(std::string(0x10000, 'a')), Error);
}

TEST(HmacSha256Test, MatchesRfc4231Case2) {
  EXPECT_EQ(ToHex(HmacSha256(AsBytes("Jefe"), AsBytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

}  // namespace
}  // namespace mortise
