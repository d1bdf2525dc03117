// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "base/digest.h"
#include "base/error.h"
#include "hsm/scheme/key_id.h"

namespace mortise::hsm {
namespace {

Bytes Counting(std::uint8_t first) {
  Bytes bytes(16);
  std::iota(bytes.begin(), bytes.end(), first);
  return bytes;
}

const KeyObject kWrapKey = {KeyRole::kWrap, Counting(0x00), {}, {}};
const KeyObject kMacKey = {KeyRole::kMac, Counting(0x10), {}, {}};

std::string KeyIdOf(std::vector<KeyObject> objects, SchemeId scheme = SchemeId::kAesGcm) {
  return MakeKeyId("prod", "cluster-a", 3, scheme, objects);
}

TEST(KeyIdTest, IsTheReleasedVector) {
  EXPECT_EQ(KeyIdOf({kWrapKey}), "prod.3.d8bbac413711cbb9");
}

TEST(KeyIdTest, HoldsThePublicHalfOfAnAsymmetricKeyInAnyOrderOfObjects) {
  KeyObject rsa = kWrapKey;
  const Digest public_key_digest = Sha256::Of(AsBytes("spki"));
  rsa.public_key_digest.assign(public_key_digest.begin(), public_key_digest.end());
  EXPECT_EQ(KeyIdOf({rsa, kMacKey}, SchemeId::kRsaOaepHmac), "prod.3.a5f50da54c91f5eb");
  EXPECT_EQ(KeyIdOf({kMacKey, rsa}, SchemeId::kRsaOaepHmac), "prod.3.a5f50da54c91f5eb");
}

TEST(KeyIdTest, ChangesWithEveryPart) {
  const std::vector<KeyObject> objects = {kWrapKey};
  const std::set<std::string> names = {
      KeyIdOf(objects),
      KeyIdOf({kMacKey}),
      KeyIdOf({kWrapKey, kMacKey}),
      KeyIdOf(objects, SchemeId::kAesKwp),
      MakeKeyId("prod", "cluster-b", 3, SchemeId::kAesGcm, objects),
      MakeKeyId("prod", "cluster-a", 4, SchemeId::kAesGcm, objects),
      MakeKeyId("test", "cluster-a", 3, SchemeId::kAesGcm, objects),
  };
  EXPECT_EQ(names.size(), 7u);
}

TEST(KeyIdTest, NeedsASaltBesideAShortId) {
  KeyObject adopted = {KeyRole::kWrap, Bytes{1}, {}, {}};
  EXPECT_THROW(KeyIdOf({adopted}), Error);
  const ByteView salt = AsBytes("saltsalt");
  adopted.salt.assign(salt.begin(), salt.end());
  EXPECT_EQ(KeyIdOf({adopted}), "prod.3.233e71c9c2767268");
}

TEST(KeyIdTest, ParsesBack) {
  const KeyIdParts parts = {"prod", 3, "d8bbac413711cbb9"};
  EXPECT_EQ(ParseKeyId("prod.3.d8bbac413711cbb9"), parts);
}

TEST(KeyIdTest, RefusesEveryOtherForm) {
  for (const std::string_view text : {"",
                                      ".",
                                      "..",
                                      "prod",
                                      "prod.3",
                                      "prod.3.",
                                      "prod..d8bbac413711cbb9",
                                      ".3.d8bbac413711cbb9",
                                      "prod.0.d8bbac413711cbb9",
                                      "prod.03.d8bbac413711cbb9",
                                      "prod.10000.d8bbac413711cbb9",
                                      "prod.-3.d8bbac413711cbb9",
                                      "prod.3.D8BBAC413711CBB9",
                                      "prod.3.d8bbac413711cbb",
                                      "prod.3.d8bbac413711cbb90",
                                      "prod.3.d8bbac413711cbbg",
                                      "Prod.3.d8bbac413711cbb9",
                                      "a.prod.3.d8bbac413711cbb9",
                                      "prod.3.d8bbac413711cbb9\n",
                                      " prod.3.d8bbac413711cbb9",
                                      "sixteen-letters-.3.d8bbac413711cbb9"}) {
    EXPECT_EQ(ParseKeyId(text), std::nullopt) << text;
  }
  EXPECT_EQ(ParseKeyId(std::string_view("prod\0.3.d8bbac413711cbb9", 24)), std::nullopt);
  EXPECT_EQ(ParseKeyId(std::string(10240, 'a')), std::nullopt);
}

}  // namespace
}  // namespace mortise::hsm
