// SPDX-License-Identifier: Apache-2.0
#include "doctor/keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "hsm/canary_store.h"
#include "hsm/key_history.h"
#include "hsm/scheme/envelope.h"
#include "hsm/scheme/key_id.h"
#include "hsm/scheme/key_label.h"
#include "test/support/temp_dir.h"
#include "test/unit/doctor/findings.h"

namespace mortise::doctor {
namespace {

using hsm::KeyAttribute;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::uint32_t Bits(std::initializer_list<KeyAttribute> attributes) {
  std::uint32_t bits = 0;
  for (const KeyAttribute attribute : attributes) bits |= 1u << static_cast<unsigned>(attribute);
  return bits;
}

// A state folder that knows nothing yet, and a token with one good key.
class KeysTest : public testing::Test {
 protected:
  KeysTest() {
    keyring_.name = "prod";
    keyring_.context = "cluster-1";
    token_.name = "hsm-a";
    for (const char* name : {"canaries", "quarantine", "tombstones"}) {
      std::filesystem::create_directories(dir_ / name);
    }
    entries_ = {Key(1)};
  }

  hsm::InventoryEntry Key(std::uint32_t generation, const std::string& context = "cluster-1") {
    const std::string label = hsm::FormatKeyLabel({.keyring = "prod",
                                                   .generation = generation,
                                                   .activation = ParseTime("2026-01-01T00:00:00Z"),
                                                   .context_tag = hsm::ContextTag(context)});
    return {
        .label = label,
        .cka_id = std::string(16, static_cast<char>('a' + generation)),
        .reported = (1u << hsm::kKeyAttributeCount) - 1,
        .values = Bits({KeyAttribute::kSensitive, KeyAttribute::kAlwaysSensitive,
                        KeyAttribute::kNeverExtractable, KeyAttribute::kLocal,
                        KeyAttribute::kPrivate, KeyAttribute::kEncrypt, KeyAttribute::kDecrypt}),
        .bits = 256};
  }
  std::vector<std::string> Look() {
    list_ = CheckList("key");
    known_ = JudgeKeys(entries_, token_, keyring_, dir_.path(), list_);
    return Verdicts(list_);
  }
  // The key_id of the only key.
  std::string KeyId() {
    Look();
    return known_.at(0).found.candidate.key_id;
  }
  void Remember(const std::string& key_id) {
    hsm::KeyHistory(dir_.path()).Update("prod", [&](hsm::KeyringHistory& history) {
      history.keys[key_id] = {.first_seen = ParseTime("2026-01-01T00:00:00Z"), .accepted = {}};
      history.highest_active = 1;
    });
  }

  test::TempDir dir_;
  config::Keyring keyring_;
  config::Token token_;
  std::vector<hsm::InventoryEntry> entries_;
  std::vector<KnownKek> known_;
  CheckList list_{"key"};
};

TEST_F(KeysTest, AGoodKeyPassesAndItsCanaryMayBeYetToCome) {
  EXPECT_THAT(Look(), ElementsAre("pass key", "pass canary"));
  ASSERT_THAT(known_, SizeIs(1));
  EXPECT_TRUE(known_[0].is_active);
  EXPECT_FALSE(known_[0].canary);
}

TEST_F(KeysTest, ATokenWithoutKeyFailsAndTheCommandThatMakesOneIsNamed) {
  entries_.clear();
  EXPECT_THAT(Look(), ElementsAre("fail key"));
  EXPECT_THAT(FirstProblem(list_), HasSubstr("mortise key create"));
}

TEST_F(KeysTest, AKeyThatThisNodeKnowsAndTheTokenLacksIsNotMadeAnew) {
  const std::string key_id = KeyId();
  Remember(key_id);
  entries_.clear();
  EXPECT_THAT(Look(), ElementsAre("fail key"));
  EXPECT_THAT(FirstProblem(list_), HasSubstr(key_id));
  EXPECT_THAT(FirstProblem(list_), testing::Not(HasSubstr("key create")));
}

TEST_F(KeysTest, KeysOfAnotherContextAloneFailAndTheContextIsNamed) {
  entries_ = {Key(1, "cluster-2")};
  EXPECT_THAT(Look(), ElementsAre("fail key"));
  EXPECT_THAT(FirstProblem(list_), HasSubstr("keyrings[].context"));
  EXPECT_THAT(known_, IsEmpty());
}

TEST_F(KeysTest, AKeyWithAnAttributeThatThePolicyForbidsFails) {
  entries_[0].values |= Bits({KeyAttribute::kWrap});
  EXPECT_THAT(Look(), Contains("fail key-policy"));
  EXPECT_THAT(FirstProblem(list_), HasSubstr("CKA_WRAP"));
}

TEST_F(KeysTest, AKeyThatMayHaveBeenSeenOutsideIsNotTaken) {
  entries_[0].values &= ~Bits({KeyAttribute::kNeverExtractable});
  EXPECT_THAT(Look(), Contains("warn key"));
}

TEST_F(KeysTest, AQuarantinedKeyFails) {
  WriteFileAtomically(dir_ / "quarantine/" + KeyId(), "");
  EXPECT_THAT(Look(), Contains("fail key"));
}

TEST_F(KeysTest, AKeyThatIsKnownButHasLostItsCanaryFails) {
  Remember(KeyId());
  EXPECT_THAT(Look(), Contains("fail canary"));
}

TEST_F(KeysTest, ADamagedCanaryFailsByName) {
  const std::string key_id = KeyId();
  WriteFileAtomically(dir_ / "canaries/" + key_id + ".json", "{");
  EXPECT_THAT(Look(), Contains("fail canary"));
  EXPECT_THAT(FirstProblem(list_), HasSubstr(key_id));
}

TEST_F(KeysTest, ACanaryIsHandedOnToBeOpened) {
  const std::string key_id = KeyId();
  const Bytes some(32);
  hsm::CanaryStore(dir_.path())
      .Save({.key_id = key_id,
             .first_seen = ParseTime("2026-01-01T00:00:00Z"),
             .token = "hsm-a",
             .blob = hsm::Serialize(hsm::SchemeId::kAesGcm, ByteView(some).first(12), some,
                                    ByteView(some).first(16))});
  EXPECT_THAT(Look(), ElementsAre("pass key", "pass canary"));
  EXPECT_TRUE(known_.at(0).canary);
}

TEST_F(KeysTest, AFileOfPinnedCanariesThatCannotBeReadFails) {
  keyring_.trust = config::Trust::kPinned;
  keyring_.canaries = dir_ / "pinned";
  WriteFileAtomically(dir_ / "pinned", "{\n");
  EXPECT_THROW(Look(), Error);  // which CheckKeys makes a finding of
  WriteFileAtomically(dir_ / "pinned", "\n");
  EXPECT_THAT(Look(), Contains("fail canary"));
}

TEST_F(KeysTest, AKeyThatAFileListsIsFoundWhateverItsLabel) {
  keyring_.discovery = config::Discovery::kFile;
  keyring_.keys_file = dir_ / "keys.yaml";
  const std::string rest = ", activation: 2026-01-01T00:00:00Z, scheme: aes-gcm}\n";
  WriteFileAtomically(keyring_.keys_file, "- {generation: 1, label: kek-2026" + rest);
  EXPECT_THAT(Look(), ElementsAre("warn key-ignored", "fail key"));
  entries_[0].label = "kek-2026";
  EXPECT_THAT(Look(), ElementsAre("pass key", "pass canary"));
  EXPECT_EQ(ListedObjects({keyring_}).size(), 1u);
  WriteFileAtomically(keyring_.keys_file, "- {");
  EXPECT_THROW(Look(), Error);  // which CheckKeys makes a finding of
  EXPECT_THAT(ListedObjects({keyring_}), IsEmpty());
}

TEST_F(KeysTest, AnObjectThatIsNotWhatItsLabelSaysWarns) {
  entries_.push_back(Key(2));
  entries_[1].kind = hsm::ObjectKind::kMacSecret;
  EXPECT_THAT(Look(), Contains("warn key-ignored"));
}

}  // namespace
}  // namespace mortise::doctor
