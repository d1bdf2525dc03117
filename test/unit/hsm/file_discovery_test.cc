// SPDX-License-Identifier: Apache-2.0
// Which KEKs a keysFile makes of a token's objects.
#include "hsm/file_discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/words.h"
#include "test/unit/hsm/generations_fixture.h"

namespace mortise::hsm {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class FileDiscoveryTest : public ::testing::Test {
 protected:
  FileDiscoveryTest() {
    keyring_.name = "prod";
    keyring_.context = "cluster-1";
    keyring_.discovery = config::Discovery::kFile;
    keyring_.keys_file = "k.yaml";
  }

  static InventoryEntry Object(const std::string& label, char id,
                               ObjectKind kind = ObjectKind::kAes) {
    const bool is_secret = kind == ObjectKind::kAes;
    return {.label = label,
            .cka_id = CkaId(id),
            .kind = kind,
            .reported = (1u << kKeyAttributeCount) - 1,
            .values = is_secret ? kGoodKey
                                : (kGoodKey & ~(0b11u << 7)) | 1u << 11 | 1u << 12,  // SIGN, VERIFY
            .bits = 256};
  }
  static config::ListedKey Key(config::ListedObject wrap, const std::string& scheme = "aes-gcm") {
    return {.generation = 3,
            .wrap = std::move(wrap),
            .activation = ParseTime("2026-05-01T12:00:00Z"),
            .scheme = scheme};
  }
  Discovered Discover(const std::vector<InventoryEntry>& entries,
                      const config::ListedKey& key) const {
    return DiscoverListed(entries, {{key}}, keyring_, "hsm-a");
  }
  void ExpectMissing(const Discovered& found, const std::string& why) const {
    EXPECT_THAT(found.keks, IsEmpty());
    EXPECT_THAT(found.remarks,
                ElementsAre(AllOf(Named("listed_key_missing"),
                                  Field(&Event::message, HasSubstr("generation 3 of k.yaml (")),
                                  Field(&Event::message, HasSubstr("on token hsm-a: " + why)))));
  }

  config::Keyring keyring_;
};

TEST_F(FileDiscoveryTest, FindsAKeyByItsLabelWhateverThatIs) {
  const Discovered found =
      Discover({Object("other", 'o'), Object("KEK 2026", 'i')}, Key({.label = "KEK 2026"}));
  EXPECT_THAT(found.remarks, IsEmpty());
  ASSERT_THAT(found.keks, SizeIs(1));
  const FoundKek& kek = found.keks[0];
  const KeyObject object{.id = Bytes(16, 'i')};
  EXPECT_EQ(kek.candidate.key_id,
            MakeKeyId("prod", "cluster-1", 3, SchemeId::kAesGcm, {&object, 1}));
  EXPECT_EQ(kek.wrap, (ObjectName{"KEK 2026", CkaId('i')}));
  EXPECT_EQ(kek.candidate.label_text, "KEK 2026");
  EXPECT_EQ(kek.candidate.label.generation, 3U);
  EXPECT_EQ(FormatTime(kek.candidate.label.activation), "2026-05-01T12:00:00Z");
  EXPECT_EQ(kek.candidate.label.context_tag, ContextTag("cluster-1"));
  EXPECT_FALSE(kek.candidate.label.withdrawn);
  EXPECT_THAT(kek.wrap_problem, IsEmpty());
}

TEST_F(FileDiscoveryTest, TellsKeysOfOneLabelApartByTheirIds) {
  const Discovered found = Discover({Object("kek", 'a'), Object("kek", 'b')},
                                    Key({.label = "kek", .cka_id = CkaId('b')}));
  ASSERT_THAT(found.keks, SizeIs(1));
  EXPECT_EQ(found.keks[0].candidate.cka_id, CkaId('b'));
}

TEST_F(FileDiscoveryTest, FindsNothingThatIsNotListed) {
  EXPECT_THAT(Discover({Object("kek", 'a'), Object("prod.4.20260501T1200Z.01.c7d386", 'b')},
                       Key({.cka_id = CkaId('a')}))
                  .keks,
              SizeIs(1));
}

TEST_F(FileDiscoveryTest, MakesAKekOfEachObjectThatMatchesSoThatNoneIsPreferredUnjudged) {
  const Discovered found =
      Discover({Object("kek", 'a'), Object("kek", 'b')}, Key({.label = "kek"}));
  EXPECT_THAT(found.keks, SizeIs(2));
}

TEST_F(FileDiscoveryTest, NamesAnEntryWhoseObjectIsMissing) {
  ExpectMissing(Discover({Object("kek", 'a')}, Key({.label = "kek-2"})),
                "the token shows no such key");
  ExpectMissing(Discover({Object("kek", 'a')}, Key({.label = "kek", .cka_id = CkaId('b')})),
                "the token shows no such key");
}

TEST_F(FileDiscoveryTest, NamesAnEntryWhoseObjectIsOfAnotherKind) {
  ExpectMissing(Discover({Object("kek", 'a', ObjectKind::kRsaPrivate)}, Key({.label = "kek"})),
                "it is an RSA private key, but scheme aes-gcm has an AES key here");
}

TEST_F(FileDiscoveryTest, JoinsAWrapKeyAndItsAuthenticator) {
  config::ListedKey key = Key({.label = "kek"}, "aes-cbc-hmac");
  key.authenticator = {.label = "mac"};
  const Discovered found =
      Discover({Object("mac", 'm', ObjectKind::kMacSecret), Object("kek", 'w')}, key);
  EXPECT_THAT(found.remarks, IsEmpty());
  ASSERT_THAT(found.keks, SizeIs(1));
  EXPECT_EQ(found.keks[0].authenticator, (ObjectName{"mac", CkaId('m')}));
  EXPECT_THAT(found.keks[0].wrap_problem, IsEmpty());
  const std::array objects{KeyObject{.role = KeyRole::kMac, .id = Bytes(16, 'm')},
                           KeyObject{.role = KeyRole::kWrap, .id = Bytes(16, 'w')}};
  EXPECT_EQ(found.keks[0].candidate.key_id,
            MakeKeyId("prod", "cluster-1", 3, SchemeId::kAesCbcHmac, objects));
}

TEST_F(FileDiscoveryTest, NamesAnAuthenticatorThatIsMissing) {
  config::ListedKey key = Key({.label = "kek"}, "aes-cbc-hmac");
  key.authenticator = {.label = "mac"};
  ExpectMissing(Discover({Object("kek", 'w')}, key), "the token shows no such key");
}

TEST_F(FileDiscoveryTest, NamesAShortIdWithItsSaltAndRefusesItWithoutOne) {
  InventoryEntry entry = Object("kek", 'a');
  entry.cka_id = "\x01";
  const Discovered unsalted = Discover({entry}, Key({.label = "kek"}));
  EXPECT_THAT(unsalted.keks, IsEmpty());
  EXPECT_THAT(unsalted.remarks, ElementsAre(Field(&Event::message, HasSubstr("salt"))));
  const Discovered one = Discover({entry}, Key({.label = "kek", .salt = "12345678"}));
  const Discovered other = Discover({entry}, Key({.label = "kek", .salt = "12345679"}));
  EXPECT_NE(one.keks.at(0).candidate.key_id, other.keks.at(0).candidate.key_id);
}

TEST_F(FileDiscoveryTest, LetsNoKeyWrapThatBreaksTheAttributePolicy) {
  InventoryEntry entry = Object("kek", 'a');
  entry.values &= ~(1u << static_cast<unsigned>(KeyAttribute::kNeverExtractable));
  const Discovered found = Discover({entry}, Key({.label = "kek"}));
  ASSERT_THAT(found.keks, SizeIs(1));
  EXPECT_THAT(found.keks[0].wrap_problem, HasSubstr("CKA_NEVER_EXTRACTABLE is false"));
  EXPECT_FALSE(found.keks[0].candidate.keeps_policy);
}

TEST_F(FileDiscoveryTest, LetsAKeyOfAnotherKeyringNotWrapForThisOne) {
  const auto problem_of = [&](const std::string& label) {
    return Discover({Object(label, 'a')}, Key({.label = label})).keks.at(0).wrap_problem;
  };
  EXPECT_THAT(problem_of("test.1.20260501T1200Z.01.c7d386"),
              HasSubstr("it is of keyring test: a key belongs to one keyring"));
  EXPECT_THAT(problem_of("prod.1.20260501T1200Z.01.c7d386"), IsEmpty());
}

TEST_F(FileDiscoveryTest, HandsOnThatAGenerationIsNeverToBecomeActive) {
  for (const auto state : {config::ListedState::kWithdrawn, config::ListedState::kDecryptOnly}) {
    config::ListedKey key = Key({.label = "kek"});
    key.state = state;
    EXPECT_TRUE(Discover({Object("kek", 'a')}, key).keks.at(0).candidate.label.withdrawn);
  }
}

TEST_F(FileDiscoveryTest, AsksForEveryObjectByAnIdOrElseALabel) {
  config::ListedKey key = Key({.label = "kek", .cka_id = CkaId('a')}, "aes-cbc-hmac");
  key.authenticator = {.label = "mac"};
  EXPECT_THAT(NamesOf({{key}}),
              UnorderedElementsAre(DigestOfCkaId(CkaId('a')), DigestOfLabel("mac")));
}

TEST(ListedSchemeTest, HasAnAuthenticatorWhereTheSchemeDoes) {
  for (const auto& word : config::kListedSchemes) {
    const auto scheme = SchemeNamed(word.word);
    ASSERT_TRUE(scheme) << word.word;
    const std::string entry =
        "- {generation: 1, label: a, activation: 2026-05-01T12:00:00Z, scheme: " +
        std::string(word.word);
    const std::string with = entry + ", authenticator: {label: b}}";
    if (FactsOf(*scheme).authenticator) {
      EXPECT_NO_THROW(config::ParseKeysFile(with, "k.yaml"));
    } else {
      EXPECT_NO_THROW(config::ParseKeysFile(entry + "}", "k.yaml"));
    }
  }
  EXPECT_FALSE(SchemeNamed("aes-gcm-prepended"));
}

}  // namespace
}  // namespace mortise::hsm
