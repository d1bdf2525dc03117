// SPDX-License-Identifier: Apache-2.0
#include "hsm/key_creation.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "base/file.h"
#include "base/file_lock.h"
#include "hsm/canary_store.h"
#include "hsm/cryptoki/attributes.h"
#include "hsm/discovery.h"
#include "hsm/key_history.h"
#include "hsm/opened_token.h"
#include "hsm/scheme/key_label.h"
#include "hsm/state_dir.h"
#include "hsm/worker/kek_operations.h"
#include "test/support/matchers.h"
#include "test/support/softhsm_token.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;
using test::SoftHsmToken;
using test::ThrowsError;

// A token without keys behind the fault module, opened as an administrator; a state folder.
class KeyCreationTest : public ::testing::Test {
 protected:
  KeyCreationTest() {
    configured_.iv_mode = config::IvMode::kCaller;  // nothing is tried out on throw-away keys
    token_.Export();
    StateDir make(state_dir_);
    const config::AdminConfig admin{{{.name = "test", .pin_file = token_.pin_file()}}};
    opened_.emplace(configured_, Credentials::ToAdminister(configured_, admin), state_dir_);
    keyring_.name = "prod";
    keyring_.context = "cluster-a";
  }

  CreatedKey Create(SchemeId scheme = SchemeId::kAesGcm) {
    return CreateFirstKey(*opened_, keyring_, configured_, state_dir_, scheme,
                          [this](const std::string& step) { journal_.push_back(step); });
  }
  auto Creating() {
    return [this] { Create(); };
  }
  std::size_t KeysInToken() {
    return FindPrivateKeys(opened_->session(), CKO_SECRET_KEY, CKK_AES).size();
  }
  std::size_t KnownKeys() { return KeyHistory(state_dir_).Load("prod").keys.size(); }
  std::vector<Canary> Canaries() { return CanaryStore(state_dir_).Load().canaries; }

  SoftHsmToken token_;
  config::Token configured_ = token_.ToConfig();
  std::vector<std::string> journal_;
  std::string state_dir_ = token_.folder() + "/state";
  std::optional<OpenedToken> opened_;
  config::Keyring keyring_;
};

TEST_F(KeyCreationTest, MakesAKeyThatIsActiveAtOnce) {
  const CreatedKey key = Create();
  const auto label = ParseKeyLabel(key.label);
  ASSERT_TRUE(label);
  EXPECT_EQ(label->keyring, "prod");
  EXPECT_EQ(label->generation, 1U);
  EXPECT_EQ(label->context_tag, "c7d386");
  EXPECT_LE(label->activation, WallNow());
  EXPECT_EQ(key.cka_id.size(), 16U);
  EXPECT_TRUE(key.key_id.starts_with("prod.1."));
}

TEST_F(KeyCreationTest, KeepsACanaryThatTheKeyOpens) {
  const CreatedKey key = Create();
  ASSERT_EQ(Canaries().size(), 1U);
  const Canary canary = Canaries()[0];
  EXPECT_EQ(canary.key_id, key.key_id);
  EXPECT_EQ(canary.source, CanarySource::kCreated);
  const auto held = KeyTable::Scan(opened_->session(), nullptr)->Find(key.label, key.cka_id);
  ASSERT_TRUE(held);
  const KekView kek{.label = key.label,
                    .cka_id = key.cka_id,
                    .keyring = "prod",
                    .context = "cluster-a",
                    .key_id = key.key_id,
                    .canary = canary.blob,
                    .canary_proof = canary.proof};
  const HeldKek keys{.wrap = held, .authenticator = nullptr};
  KekOperations operations(config::IvMode::kCaller);
  EXPECT_NO_THROW(operations.OpenCanary(opened_->session(), keys, kek));
}

TEST_F(KeyCreationTest, MakesTheTwoKeysOfASchemeThatAuthenticatesByASecondOne) {
  for (const SchemeId scheme : {SchemeId::kAesCbcHmac, SchemeId::kRsaOaepHmacSha1}) {
    keyring_.name = scheme == SchemeId::kAesCbcHmac ? "cbc" : "rsa";
    const CreatedKey key = Create(scheme);
    EXPECT_EQ(key.scheme, scheme);
    const Searched searched = SearchToken(opened_->session(), keyring_, "test");
    ASSERT_EQ(searched.discovered.keks.size(), 1U);
    const FoundKek& found = searched.discovered.keks[0];
    EXPECT_EQ(found.candidate.key_id, key.key_id);
    EXPECT_EQ(found.authenticator.label, key.label + ".m");
    EXPECT_EQ(found.wrap_problem, "");
  }
}

TEST_F(KeyCreationTest, LeavesNoMacKeyBehindWhereTheTokenMakesNoWrapKey) {
  token_.faults().Once("C_GenerateKey", CKR_OK);  // the MAC key
  token_.faults().Once("C_GenerateKey", CKR_DEVICE_MEMORY);
  EXPECT_THAT([this] { Create(SchemeId::kAesCbcHmac); },
              ThrowsError(Reason::kBusy, "C_GenerateKey"));
  EXPECT_TRUE(FindPrivateKeys(opened_->session(), CKO_SECRET_KEY, CKK_GENERIC_SECRET).empty());
}

TEST_F(KeyCreationTest, TellsEachStepForATranscript) {
  const CreatedKey key = Create();
  using ::testing::HasSubstr;
  EXPECT_THAT(journal_, ::testing::ElementsAre(HasSubstr(key.label), HasSubstr(key.key_id),
                                               HasSubstr("strict"), HasSubstr("self-test passed"),
                                               HasSubstr(ToHex(key.canary.proof))));
}

TEST_F(KeyCreationTest, RecordsTheKeyAsKnown) {
  const CreatedKey key = Create();
  EXPECT_TRUE(KeyHistory(state_dir_).Load("prod").keys.contains(key.key_id));
}

TEST_F(KeyCreationTest, RefusesASecondGeneration) {
  Create();
  EXPECT_THAT(Creating(), ThrowsError(Reason::kConfig, "key rotate"));
  EXPECT_EQ(KeysInToken(), 1U);
}

TEST_F(KeyCreationTest, MakesOneForEachClusterThatSharesTheToken) {
  Create();
  keyring_.name = "test";
  keyring_.context = "cluster-b";
  EXPECT_NO_THROW(Create());
  EXPECT_EQ(KeysInToken(), 2U);
}

TEST_F(KeyCreationTest, RefusesATokenThatHoldsTheKeyringsKeyForAnotherContext) {
  const CreatedKey key = Create();
  keyring_.context = "cluster-b";
  EXPECT_THAT(Creating(), ThrowsError(Reason::kConfig, key.label + " for another context"));
  EXPECT_EQ(KeysInToken(), 1U);
}

TEST_F(KeyCreationTest, RefusesATokenThatLacksTheKeyThatThisNodeKnows) {
  KeyHistory(state_dir_).Update("prod", [](KeyringHistory& history) {
    history.keys["prod.1.0123456789abcdef"] = {};
  });
  EXPECT_THAT(Creating(), ThrowsError(Reason::kConfig, "restore it from a backup"));
  EXPECT_EQ(KeysInToken(), 0U);
}

TEST_F(KeyCreationTest, NeverDestroysAKeyThatAServiceMayHaveSeen) {
  token_.faults().Corrupt("C_Decrypt", 1);
  EXPECT_THAT(Creating(), ThrowsError(Reason::kProofFailed, "stays in the token"));
  EXPECT_EQ(KeysInToken(), 1U);
  EXPECT_EQ(KnownKeys(), 0U);
  EXPECT_TRUE(Canaries().empty());
}

TEST_F(KeyCreationTest, MakesNoKeyWhileAnotherRunMakesOne) {
  const auto other = FileLock::Acquire(state_dir_ + "/key-create.lock", {});
  EXPECT_THAT(Creating(), ThrowsError(Reason::kConfig, "another `mortise key create`"));
  EXPECT_EQ(token_.faults().Calls("C_GenerateKey"), 0U);
}

TEST_F(KeyCreationTest, RefusesAStateFolderThatIsDamagedBeforeItTouchesTheToken) {
  WriteFileAtomically(state_dir_ + "/state.json", "{ not json");
  EXPECT_THAT(Creating(), ThrowsError(Reason::kStateUnusable));
  EXPECT_EQ(token_.faults().Calls("C_GenerateKey"), 0U);
}

TEST_F(KeyCreationTest, KeepsTheCanaryOfAKeyThatTheStateFolderCouldNotRecord) {
  token_.faults().Hang("C_Decrypt", 1);
  auto creation = std::async(std::launch::async, [this] { Create(); });
  while (token_.faults().Calls("C_Decrypt") == 0) std::this_thread::sleep_for(1ms);
  WriteFileAtomically(state_dir_ + "/state.json", "{ not json");
  token_.faults().ReleaseHangs();
  EXPECT_THAT([&] { creation.get(); }, ThrowsError(Reason::kStateUnusable, "stays in the token"));
  EXPECT_EQ(KeysInToken(), 1U);
  EXPECT_EQ(Canaries().size(), 1U);
}

config::Token TokenNamed(const std::string& name) {
  config::Token token;
  token.name = name;
  token.pin_file = "/service-pin";
  return token;
}

TEST(CredentialsTest, ShareTheLatchOfTheServiceWhereTheRoleIsTheSame) {
  const config::Token token = TokenNamed("hsm");
  EXPECT_EQ(Credentials::ToAdminister(token, {{{.name = "hsm", .pin_file = "/p"}}}).latch_name,
            "hsm");
  EXPECT_EQ(
      Credentials::ToAdminister(token, {{{.name = "hsm", .pin_file = "/p", .user_type = "so"}}})
          .latch_name,
      "hsm.admin");
}

TEST(CredentialsTest, NeverFallBackToTheServicesPin) {
  const config::Token token = TokenNamed("hsm");
  EXPECT_THAT([&] { Credentials::ToAdminister(token, {}); },
              ThrowsError(Reason::kConfig, "does not name token hsm"));
}

}  // namespace
}  // namespace mortise::hsm
