// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "base/error.h"
#include "hsm/scheme/envelope.h"

namespace mortise::hsm {
namespace {

Bytes Filled(std::size_t size, std::uint8_t first) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(first + i);
  return bytes;
}

Bytes EnvelopeOf(std::uint8_t scheme, std::size_t iv, std::size_t tag, std::size_t rest) {
  Bytes bytes = {1, scheme, static_cast<std::uint8_t>(iv), static_cast<std::uint8_t>(tag)};
  bytes.resize(4 + rest, 0xa5);
  return bytes;
}

bool IsRefused(ByteView bytes) {
  try {
    Envelope::Parse(bytes);
    return false;
  } catch (const Error& error) {
    EXPECT_EQ(error.reason(), Reason::kCiphertextRefused);
    EXPECT_STREQ(error.what(), "ciphertext refused");
    return true;
  }
}

TEST(EnvelopeTest, IsTheReleasedLayout) {
  const std::string bytes =
      Serialize(SchemeId::kAesGcm, Filled(12, 0x10), Filled(3, 0x80), Filled(16, 0xe0));
  EXPECT_EQ(ToHex(AsBytes(bytes)),
            "01010c10"
            "101112131415161718191a1b"
            "808182"
            "e0e1e2e3e4e5e6e7e8e9eaebecedeeef");
}

TEST(EnvelopeTest, ParsesToThePartsItWasMadeOf) {
  const std::string bytes =
      Serialize(SchemeId::kAesCbcHmac, Filled(16, 1), Filled(48, 2), Filled(32, 3));
  const Envelope envelope = Envelope::Parse(AsBytes(bytes));
  EXPECT_EQ(envelope.scheme, SchemeId::kAesCbcHmac);
  EXPECT_EQ(Bytes(envelope.iv.begin(), envelope.iv.end()), Filled(16, 1));
  EXPECT_EQ(Bytes(envelope.body.begin(), envelope.body.end()), Filled(48, 2));
  EXPECT_EQ(Bytes(envelope.tag.begin(), envelope.tag.end()), Filled(32, 3));
  EXPECT_EQ(ToHex(envelope.header()), "01041020");
}

// Which lengths a scheme has, from the formulas of the table rather than from the code's.
std::set<std::size_t> BodySizes(int scheme) {
  std::set<std::size_t> sizes;
  for (std::size_t n = 1; n <= 128; ++n) {
    switch (scheme) {
      case 1:
        sizes.insert(n);
        break;
      case 2:
        sizes.insert(n + 28);
        break;
      case 3:
        sizes.insert(8 * ((33 + n + 7) / 8) + 8);
        break;
      case 4:
        sizes.insert(16 * ((1 + n + 15) / 16));
        break;
    }
  }
  for (std::size_t k = 384; scheme >= 5 && k + 4 + (scheme % 2 != 0 ? 32 : 64) <= 1024; ++k) {
    sizes.insert(k);
  }
  return sizes;
}

TEST(EnvelopeTest, AcceptsExactlyTheLengthsOfTheTable) {
  const std::set<std::tuple<int, int, int>> forms = {
      {1, 12, 16}, {1, 16, 16}, {2, 0, 0},  {3, 0, 0},  {4, 16, 32},
      {5, 0, 32},  {6, 0, 64},  {7, 0, 32}, {8, 0, 64},
  };
  for (int scheme = 0; scheme <= 9; ++scheme) {
    const std::set<std::size_t> body_sizes = BodySizes(scheme);
    for (const int iv : {0, 1, 11, 12, 13, 16, 255}) {
      for (const int tag : {0, 12, 16, 32, 64, 255}) {
        for (std::size_t rest = 0; rest <= 1024; ++rest) {
          const std::size_t overhead = static_cast<std::size_t>(iv + tag);
          const bool is_of_the_table = forms.contains({scheme, iv, tag}) && rest >= overhead &&
                                       body_sizes.contains(rest - overhead);
          const Bytes bytes =
              EnvelopeOf(static_cast<std::uint8_t>(scheme), static_cast<std::size_t>(iv),
                         static_cast<std::size_t>(tag), rest);
          ASSERT_NE(IsRefused(bytes), is_of_the_table)
              << "scheme " << scheme << " iv " << iv << " tag " << tag << " rest " << rest;
        }
      }
    }
  }
}

TEST(EnvelopeTest, RefusesWhatIsNoEnvelopeAtAll) {
  EXPECT_TRUE(IsRefused({}));
  EXPECT_TRUE(IsRefused(Bytes{1}));
  EXPECT_TRUE(IsRefused(Bytes{1, 1, 12}));
  EXPECT_TRUE(IsRefused(Bytes{1, 1, 12, 16}));
  EXPECT_TRUE(IsRefused(Bytes(4096, 1)));
  for (const int version : {0, 2, 255}) {
    Bytes bytes = EnvelopeOf(1, 12, 16, 12 + 32 + 16);
    bytes[0] = static_cast<std::uint8_t>(version);
    EXPECT_TRUE(IsRefused(bytes)) << version;
  }
}

TEST(EnvelopeTest, IsNotMadeFromPartsThatWouldNotParse) {
  EXPECT_THROW(Serialize(SchemeId::kAesGcm, Filled(11, 0), Filled(32, 0), Filled(16, 0)), Error);
  EXPECT_THROW(Serialize(SchemeId::kAesGcm, Filled(12, 0), Filled(129, 0), Filled(16, 0)), Error);
  // 268 = 256 + 12: in eight bits it would look like 12.
  EXPECT_THROW(Serialize(SchemeId::kAesGcm, Filled(268, 0), Filled(32, 0), Filled(16, 0)), Error);
  EXPECT_THROW(Serialize(SchemeId{9}, {}, Filled(32, 0), {}), Error);
}

TEST(EnvelopeTest, NamesItsSchemes) {
  EXPECT_EQ(Name(SchemeId::kAesGcm), "aes-gcm");
  EXPECT_EQ(Name(SchemeId::kAesKwp), "aes-kwp");
  EXPECT_EQ(Name(SchemeId::kAesCbcHmac), "aes-cbc-hmac");
  EXPECT_EQ(Name(SchemeId::kRsaOaepHmac), "rsa-oaep-hmac");
  EXPECT_EQ(Name(SchemeId::kRsaOaepSign), "rsa-oaep-sign");
}

}  // namespace
}  // namespace mortise::hsm
