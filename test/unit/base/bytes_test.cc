// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"

#include <gtest/gtest.h>

namespace mortise {
namespace {

TEST(HexTest, GoesThereAndBack) {
  const Bytes bytes = {0x00, 0x9a, 0xff};
  EXPECT_EQ(ToHex(bytes), "009aff");
  EXPECT_EQ(FromHex("009aFF"), bytes);
}

TEST(HexTest, RefusesAnOddLengthAndStrangers) {
  EXPECT_EQ(FromHex("123"), std::nullopt);
  EXPECT_EQ(FromHex("0g"), std::nullopt);
  EXPECT_EQ(FromHex(" 1"), std::nullopt);
}

TEST(Base64Test, EncodesAsRfc4648Does) {
  EXPECT_EQ(ToBase64(AsBytes("")), "");
  EXPECT_EQ(ToBase64(AsBytes("f")), "Zg==");
  EXPECT_EQ(ToBase64(AsBytes("fo")), "Zm8=");
  EXPECT_EQ(ToBase64(AsBytes("foobar")), "Zm9vYmFy");
}

TEST(Base64Test, DecodesWhatItEncodes) {
  for (std::size_t size = 0; size < 70; ++size) {
    const Bytes bytes(size, static_cast<std::uint8_t>(size * 7 + 1));
    EXPECT_EQ(FromBase64(ToBase64(bytes)), bytes) << size;
  }
}

TEST(Base64Test, OfUrlsHasNeitherPaddingNorCharactersThatUrlsKeep) {
  EXPECT_EQ(ToBase64Url(AsBytes("")), "");
  EXPECT_EQ(ToBase64Url(AsBytes("f")), "Zg");
  EXPECT_EQ(ToBase64Url(AsBytes("\xfb\xff")), "-_8");
}

TEST(Base64Test, RefusesAllButTheCanonicalForm) {
  for (const char* text : {"Zg", "Zg=", "Zh==", "Zm9v\n", " Zm9", "====", "Zm=v", "Zm9*"}) {
    EXPECT_EQ(FromBase64(text), std::nullopt) << text;
  }
}

TEST(Utf8Test, TakesEveryLengthOfCharacter) {
  const std::string text = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x91";
  EXPECT_EQ(Utf8Prefix(text), text.size());
}

TEST(Utf8Test, StopsAtTheFirstMalformedCharacter) {
  EXPECT_EQ(Utf8Prefix("ab\xff"), 2U);
  EXPECT_EQ(Utf8Prefix("\x80"), 0U) << "continuation alone";
  EXPECT_EQ(Utf8Prefix("\xc0\xaf"), 0U) << "overlong";
  EXPECT_EQ(Utf8Prefix("\xe0\x80\x80"), 0U) << "overlong";
  EXPECT_EQ(Utf8Prefix("\xed\xa0\x80"), 0U) << "surrogate";
  EXPECT_EQ(Utf8Prefix("\xf4\x90\x80\x80"), 0U) << "beyond U+10FFFF";
  EXPECT_EQ(Utf8Prefix("a\xe2\x82"), 1U) << "cut";
}

TEST(PrintableTest, ShowsControlBytesAndStrangersAsHex) {
  EXPECT_EQ(Printable("a\n\x1b[0m\\\xff"), "a\\x0a\\x1b[0m\\x5c\\xff");
}

TEST(PrintableTest, CutsAtTheLimitAndSaysSo) {
  EXPECT_EQ(Printable("abcdef", 3), "abc...");
}

}  // namespace
}  // namespace mortise
