// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/key_table.h"

#include <gtest/gtest.h>

#include <array>

#include "hsm/cryptoki/key_generation.h"
#include "hsm/opened_token.h"
#include "hsm/scheme/public_half.h"
#include "hsm/state_dir.h"
#include "test/support/key_maker.h"
#include "test/support/softhsm_token.h"

namespace mortise::hsm {
namespace {

// A token with one key whose attributes can be changed.
class KeyTableTest : public ::testing::Test {
 protected:
  KeyTableTest() {
    test::MakeKey(token_, {.is_planted = true});
    token_.Export();
    StateDir make(state_dir_);
    const config::AdminConfig admin{{{.name = "test", .pin_file = token_.pin_file()}}};
    const config::Token token = token_.ToConfig();
    opened_.emplace(token, Credentials::ToAdminister(token, admin), state_dir_);
  }

  std::shared_ptr<const KeyTable> Scan(const KeyTable* previous) {
    return KeyTable::Scan(opened_->session(), previous);
  }
  static std::shared_ptr<HeldKey> TheKeyOf(const KeyTable& table) {
    const InventoryEntry entry = table.Page(0).entries.at(0);
    return table.Find(entry.label, entry.cka_id);
  }
  void ForbidToWrap(const HeldKey& key) {
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE wrap{CKA_WRAP, &no, sizeof(no)};
    const Session& session = opened_->session();
    ASSERT_EQ(session.p11().C_SetAttributeValue(session.handle(), key.handle, &wrap, 1), CKR_OK);
  }

  test::SoftHsmToken token_;
  std::string state_dir_ = token_.folder() + "/state";
  std::optional<OpenedToken> opened_;
};

TEST_F(KeyTableTest, KeepsWhatIsKnownOfAKeyThatIsAsItWas) {
  const auto before = Scan(nullptr);
  const auto after = Scan(before.get());
  EXPECT_EQ(TheKeyOf(*after), TheKeyOf(*before));
}

TEST_F(KeyTableTest, ShowsChangedAttributesAndForgetsWhatWasProvedBefore) {
  const auto before = Scan(nullptr);
  const auto key = TheKeyOf(*before);
  key->opens_canary = true;
  ForbidToWrap(*key);
  const auto after = Scan(before.get());
  const auto changed = TheKeyOf(*after);
  EXPECT_FALSE(changed->entry.values & 1u << static_cast<unsigned>(KeyAttribute::kWrap));
  EXPECT_FALSE(changed->opens_canary);
  EXPECT_EQ(TheKeyOf(*Scan(after.get())), changed);
}

// A token that this process may fill while it looks at it.
class KeyKindsTest : public ::testing::Test {
 protected:
  KeyKindsTest() {
    token_.Export();
    StateDir make(state_dir_);
    const config::AdminConfig admin{{{.name = "test", .pin_file = token_.pin_file()}}};
    opened_.emplace(token_.ToConfig(), Credentials::ToAdminister(token_.ToConfig(), admin),
                    state_dir_);
  }

  std::shared_ptr<const KeyTable> Scan(const std::set<NameDigest>& wanted = {}) {
    return KeyTable::Scan(opened_->session(), nullptr, wanted);
  }
  std::uint64_t SearchesOfAScan() {
    const std::uint64_t before = token_.faults().Calls("C_FindObjectsInit");
    Scan();
    return token_.faults().Calls("C_FindObjectsInit") - before;
  }
  static std::string LabelOf(SchemeId scheme, KeyRole role = KeyRole::kWrap) {
    return test::LabelOf({.activation = ParseTime("2026-05-01T12:00:00Z"), .scheme = scheme}, role);
  }
  const Session& session() const { return opened_->session(); }
  // A stranger's, under that CKA_ID.
  void PlantPublicKey(Bytes id) {
    const KeyPair stranger = GenerateThrowAwaySigner(session(), SignerKind::kEd25519);
    CK_BBOOL yes = CK_TRUE;
    std::array<CK_ATTRIBUTE, 2> changes = {
        {{CKA_TOKEN, &yes, sizeof(yes)}, {CKA_ID, id.data(), id.size()}}};
    CK_OBJECT_HANDLE copy = CK_INVALID_HANDLE;
    ASSERT_EQ(session().p11().C_CopyObject(session().handle(), stranger.public_key, changes.data(),
                                           changes.size(), &copy),
              CKR_OK);
  }

  test::SoftHsmToken token_;
  std::string state_dir_ = token_.folder() + "/state";
  std::optional<OpenedToken> opened_;
  const Bytes id_ = Bytes(16, 'i'), second_id_ = Bytes(16, 's');
};

bool Says(const InventoryEntry& entry, KeyAttribute attribute) {
  return (entry.reported & entry.values & 1u << static_cast<unsigned>(attribute)) != 0;
}

TEST_F(KeyKindsTest, LookForNoSecondKeysWhereNoLabelTellsOfThem) {
  GenerateAesKey(session(), LabelOf(SchemeId::kAesGcm), id_, CKM_AES_GCM);
  GenerateMacKey(session(), LabelOf(SchemeId::kAesGcm, KeyRole::kMac), second_id_);
  EXPECT_EQ(SearchesOfAScan(), 2U) << "AES and RSA";
  EXPECT_EQ(Scan()->Page(0).entries.size(), 1U);
}

TEST_F(KeyKindsTest, FindTheMacKeyOfASchemeThatHasOne) {
  const std::string label = LabelOf(SchemeId::kAesCbcHmac);
  const std::string mac_label = LabelOf(SchemeId::kAesCbcHmac, KeyRole::kMac);
  GenerateAesKey(session(), label, id_, CKM_AES_CBC);
  GenerateMacKey(session(), mac_label, second_id_);
  EXPECT_EQ(SearchesOfAScan(), 4U) << "both types of MAC secrets, too";
  const std::shared_ptr<HeldKey> mac = Scan()->Find(mac_label, std::string(16, 's'));
  ASSERT_TRUE(mac);
  EXPECT_EQ(mac->entry.kind, ObjectKind::kMacSecret);
  EXPECT_EQ(mac->entry.bits, 256U);
  EXPECT_TRUE(Says(mac->entry, KeyAttribute::kSign));
  EXPECT_TRUE(Says(mac->entry, KeyAttribute::kNeverExtractable));
  EXPECT_TRUE(mac->entry.public_key_digest.empty());
}

TEST_F(KeyKindsTest, NameAnRsaKeyByItsModulus) {
  const std::string label = LabelOf(SchemeId::kRsaOaepHmac);
  GenerateRsaKey(session(), label, id_, 3072);
  GenerateRsaKey(session(), label, second_id_, 3072);
  const auto table = Scan();
  const std::shared_ptr<HeldKey> one = table->Find(label, AsText(id_));
  const std::shared_ptr<HeldKey> other = table->Find(label, AsText(second_id_));
  ASSERT_TRUE(one && other);
  EXPECT_EQ(one->entry.kind, ObjectKind::kRsaPrivate);
  EXPECT_EQ(one->entry.bits, 3072U);
  EXPECT_EQ(one->entry.public_key_digest.size(), 32U);
  EXPECT_NE(one->entry.public_key_digest, other->entry.public_key_digest);
  EXPECT_FALSE(one->entry.reported & 1u << static_cast<unsigned>(KeyAttribute::kEncrypt));
}

TEST_F(KeyKindsTest, NameASignerByAPublicHalfThatVerifiesWhatItSigns) {
  const std::string label = LabelOf(SchemeId::kRsaOaepSign, KeyRole::kSigner);
  GenerateRsaKey(session(), LabelOf(SchemeId::kRsaOaepSign), id_, 3072);
  GenerateSignerKey(session(), label, second_id_, SignerKind::kEd25519);
  GenerateSignerKey(session(), label, id_, SignerKind::kP256);
  for (const Bytes& id : {id_, second_id_}) {
    const std::shared_ptr<HeldKey> signer = Scan()->Find(label, AsText(id));
    ASSERT_TRUE(signer);
    EXPECT_EQ(signer->entry.kind, ObjectKind::kEcPrivate);
    ASSERT_TRUE(signer->public_key);
    EXPECT_TRUE(SignsFor(session(), signer->handle, *signer->public_key));
    EXPECT_EQ(signer->entry.public_key_digest, AsText(signer->public_key->spki_digest()));
  }
}

TEST_F(KeyKindsTest, TakeNoStrangersPublicObjectForTheSignersHalf) {
  const std::string label = LabelOf(SchemeId::kRsaOaepSign, KeyRole::kSigner);
  GenerateRsaKey(session(), LabelOf(SchemeId::kRsaOaepSign), id_, 3072);
  GenerateSignerKey(session(), label, second_id_, SignerKind::kEd25519);
  const std::string before = Scan()->Find(label, AsText(second_id_))->entry.public_key_digest;
  // Older and younger than the right one, by way of a new right one.
  PlantPublicKey(second_id_);
  EXPECT_EQ(Scan()->Find(label, AsText(second_id_))->entry.public_key_digest, before);
  PlantPublicKey(Bytes(16, 't'));
  GenerateSignerKey(session(), label, Bytes(16, 't'), SignerKind::kEd25519);
  const std::shared_ptr<HeldKey> signer = Scan()->Find(label, std::string(16, 't'));
  EXPECT_TRUE(SignsFor(session(), signer->handle, *signer->public_key));
}

TEST_F(KeyKindsTest, FindWhatIsWantedByLabelOrByIdWhateverItsForm) {
  GenerateAesKey(session(), "ceremony-7", id_, CKM_AES_GCM);
  GenerateMacKey(session(), "ceremony-7-mac", second_id_);
  GenerateAesKey(session(), "a stranger's", Bytes(16, 'x'), CKM_AES_GCM);
  EXPECT_TRUE(Scan()->Page(0).entries.empty());
  for (const std::set<NameDigest>& wanted :
       {std::set{DigestOfLabel("ceremony-7"), DigestOfLabel("ceremony-7-mac")},
        std::set{DigestOfCkaId(AsText(id_)), DigestOfCkaId(AsText(second_id_))}}) {
    const auto table = Scan(wanted);
    EXPECT_TRUE(table->Find("ceremony-7", AsText(id_)));
    EXPECT_TRUE(table->Find("ceremony-7-mac", AsText(second_id_)));
    EXPECT_EQ(table->Page(0).entries.size(), 2U);
  }
}

TEST_F(KeyKindsTest, FillPagesThatFitIntoAMessage) {
  const std::string label(255, 'l');
  for (int i = 0; i < 25; ++i) {
    Bytes id(255, static_cast<std::uint8_t>(i));
    GenerateAesKey(session(), label, id, CKM_AES_GCM);
  }
  const auto table = Scan({DigestOfLabel(label)});
  std::size_t shown = 0;
  for (std::uint16_t page = 0; page < table->Page(0).pages; ++page) {
    EXPECT_LT(sizeof(ReplyHead) + table->Page(page).Encode().size(), kMaxMessageSize);
    shown += table->Page(page).entries.size();
  }
  EXPECT_EQ(shown, 25U);
}

}  // namespace
}  // namespace mortise::hsm
