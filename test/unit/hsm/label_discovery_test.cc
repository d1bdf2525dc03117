// SPDX-License-Identifier: Apache-2.0
// FORMATS, Names in the token: which KEKs a token's objects make.
#include "hsm/label_discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/unit/hsm/generations_fixture.h"

namespace mortise::hsm {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class LabelDiscoveryTest : public ::testing::Test {
 protected:
  LabelDiscoveryTest() {
    keyring_.name = "prod";
    keyring_.context = "cluster-1";
  }

  static std::string LabelText(SchemeId scheme, KeyRole role = KeyRole::kWrap) {
    return FormatKeyLabel({.keyring = "prod",
                           .generation = 1,
                           .activation = ParseTime("2026-05-01T12:00:00Z"),
                           .scheme = scheme,
                           .context_tag = ContextTag("cluster-1"),
                           .role = role});
  }
  // An object that is as its label says.
  static InventoryEntry Object(SchemeId scheme, KeyRole role = KeyRole::kWrap, char id = 'i') {
    const ObjectKind kind = KindOf(role, scheme);
    const bool is_private = kind == ObjectKind::kRsaPrivate || kind == ObjectKind::kEcPrivate;
    return {.label = LabelText(scheme, role),
            .cka_id = CkaId(id),
            .kind = kind,
            .reported = (1u << kKeyAttributeCount) - 1,
            .values = kGoodKey,
            .public_key_digest = is_private ? std::string(32, id) : std::string()};
  }
  static InventoryEntry Planted(InventoryEntry entry) {
    entry.values &= ~(1u << static_cast<unsigned>(KeyAttribute::kNeverExtractable));
    return entry;
  }
  Discovered Discover(const std::vector<InventoryEntry>& entries) const {
    return DiscoverByLabel(entries, keyring_, "hsm-a");
  }
  void ExpectIgnored(const std::vector<InventoryEntry>& entries, const std::string& why) const {
    const Discovered found = Discover(entries);
    EXPECT_THAT(found.keks, IsEmpty());
    EXPECT_THAT(found.remarks,
                ElementsAre(AllOf(Named("key_ignored"), Field(&Event::message, HasSubstr(why)))));
  }

  config::Keyring keyring_;
};

constexpr auto kCbc = SchemeId::kAesCbcHmac;
constexpr auto kSign = SchemeId::kRsaOaepSign;
constexpr auto kMac = KeyRole::kMac;
constexpr auto kSigner = KeyRole::kSigner;

TEST_F(LabelDiscoveryTest, TakesAKeyOfAOneKeySchemeAlone) {
  for (const SchemeId scheme : {SchemeId::kAesGcm, SchemeId::kAesKwp}) {
    const Discovered found = Discover({Object(scheme)});
    ASSERT_THAT(found.keks, SizeIs(1));
    EXPECT_EQ(found.keks[0].wrap, (ObjectName{LabelText(scheme), CkaId('i')}));
    EXPECT_EQ(found.keks[0].authenticator, ObjectName());
    EXPECT_THAT(found.remarks, IsEmpty());
  }
}

TEST_F(LabelDiscoveryTest, PairsAWrapKeyWithTheAuthenticatorOfItsLabel) {
  const Discovered found = Discover({Object(kCbc, kMac, 'm'), Object(kCbc)});
  ASSERT_THAT(found.keks, SizeIs(1));
  EXPECT_EQ(found.keks[0].wrap, (ObjectName{LabelText(kCbc), CkaId('i')}));
  EXPECT_EQ(found.keks[0].authenticator, (ObjectName{LabelText(kCbc, kMac), CkaId('m')}));
  const std::vector<KeyObject> objects = {{.role = KeyRole::kWrap, .id = Bytes(16, 'i')},
                                          {.role = kMac, .id = Bytes(16, 'm')}};
  EXPECT_EQ(found.keks[0].candidate.key_id, MakeKeyId("prod", "cluster-1", 1, kCbc, objects));
}

TEST_F(LabelDiscoveryTest, NamesPrivateKeysByTheirPublicHalves) {
  const Discovered found = Discover({Object(kSign), Object(kSign, kSigner, 's')});
  ASSERT_THAT(found.keks, SizeIs(1));
  const std::vector<KeyObject> objects = {
      {.role = KeyRole::kWrap, .id = Bytes(16, 'i'), .public_key_digest = Bytes(32, 'i')},
      {.role = kSigner, .id = Bytes(16, 's'), .public_key_digest = Bytes(32, 's')}};
  EXPECT_EQ(found.keks[0].candidate.key_id, MakeKeyId("prod", "cluster-1", 1, kSign, objects));
}

TEST_F(LabelDiscoveryTest, TakesNoWrapKeyWithoutItsAuthenticator) {
  ExpectIgnored({Object(kCbc)}, "no MAC key beside it");
  ExpectIgnored({Object(kSign)}, "no signer key beside it");
  ExpectIgnored({Object(kCbc), Object(kSign, kSigner)}, "no MAC key beside it");
  EXPECT_THAT(Discover({Object(kCbc, kMac)}).keks, IsEmpty());
}

TEST_F(LabelDiscoveryTest, NamesEachPairWhereAMacKeyWasPlantedBesideAWrapKey) {
  const Discovered found =
      Discover({Object(kCbc), Object(kCbc, kMac, 'm'), Object(kCbc, kMac, 'p')});
  ASSERT_THAT(found.keks, SizeIs(2));
  EXPECT_EQ(found.keks[0].wrap, found.keks[1].wrap);
  EXPECT_NE(found.keks[0].candidate.key_id, found.keks[1].candidate.key_id);
}

TEST_F(LabelDiscoveryTest, TakesTwoObjectsOfOneNameForOneAndSaysSo) {
  for (const auto& entries : {std::vector{Object(kCbc, kMac), Planted(Object(kCbc, kMac))},
                              std::vector{Planted(Object(kCbc, kMac)), Object(kCbc, kMac)}}) {
    std::vector<InventoryEntry> all = entries;
    all.push_back(Object(kCbc, KeyRole::kWrap, 'w'));
    const Discovered found = Discover(all);
    ASSERT_THAT(found.keks, SizeIs(1));
    EXPECT_TRUE(found.keks[0].candidate.is_never_extractable);
    EXPECT_THAT(found.remarks, ElementsAre(Named("key_ignored")));
  }
}

TEST_F(LabelDiscoveryTest, CountsAPairAsPlantedWhereEitherObjectLooksPlanted) {
  for (const auto& entries : {std::vector{Planted(Object(kCbc)), Object(kCbc, kMac)},
                              std::vector{Object(kCbc), Planted(Object(kCbc, kMac))}}) {
    const Discovered found = Discover(entries);
    ASSERT_THAT(found.keks, SizeIs(1));
    EXPECT_FALSE(found.keks[0].candidate.is_never_extractable);
  }
}

TEST_F(LabelDiscoveryTest, IgnoresObjectsThatAreNotWhatTheirLabelSays) {
  InventoryEntry rsa = Object(SchemeId::kAesKwp);
  rsa.kind = ObjectKind::kRsaPrivate;
  ExpectIgnored({rsa}, "it is an RSA private key, but under its label scheme aes-kwp has an AES");
  InventoryEntry aes = Object(kCbc, kMac);
  aes.kind = ObjectKind::kAes;
  ExpectIgnored({aes}, "it is an AES key, but under its label scheme aes-cbc-hmac has a MAC");
  InventoryEntry second = Object(kCbc, kMac);
  second.label = LabelText(SchemeId::kAesGcm, kMac);
  ExpectIgnored({second}, "a second key that scheme aes-gcm does not have");
}

TEST_F(LabelDiscoveryTest, IgnoresAPrivateKeyWithoutAPublicHalf) {
  InventoryEntry silent = Object(kSign);
  silent.public_key_digest.clear();
  ExpectIgnored({silent}, "no public half");
}

TEST_F(LabelDiscoveryTest, StopsAtAHeapOfPlantedObjectsWithTheCredibleOnesTaken) {
  std::vector<InventoryEntry> entries;
  for (int i = 0; i < 100; ++i) {
    InventoryEntry wrap = Planted(Object(kCbc)), mac = Planted(Object(kCbc, kMac));
    wrap.cka_id[0] = mac.cka_id[0] = static_cast<char>(i);
    entries.push_back(wrap);
    entries.push_back(mac);
  }
  entries.push_back(Object(kCbc));
  entries.push_back(Object(kCbc, kMac));
  const Discovered found = Discover(entries);
  EXPECT_THAT(found.keks, SizeIs(256));
  EXPECT_TRUE(found.keks[0].candidate.is_never_extractable);
  EXPECT_THAT(found.remarks, ElementsAre(Field(&Event::message, HasSubstr("too many"))));
}

}  // namespace
}  // namespace mortise::hsm
