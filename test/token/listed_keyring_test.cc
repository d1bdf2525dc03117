// SPDX-License-Identifier: Apache-2.0
// A keyring with `discovery: file` on a real token: keys that another tool made and named.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "test/support/key_maker.h"
#include "test/support/matchers.h"
#include "test/support/running_keyring.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;
using test::KeyToMake;
using test::MakeKey;
using test::RunningKeyring;
using test::SoftHsmToken;
using test::ThrowsError;

class ListedKeyringTest : public ::testing::Test {
 protected:
  std::string Make(int generation, const std::string& label, const std::string& cka_id = {},
                   bool is_planted = false) {
    return MakeKey(
        token_,
        {.generation = generation, .label = label, .cka_id = cka_id, .is_planted = is_planted});
  }
  static std::string Entry(int generation, const std::string& label, const std::string& more = {}) {
    return "- {generation: " + std::to_string(generation) + ", label: \"" + label +
           "\", activation: 2026-01-31T12:00:00Z, scheme: aes-gcm" + more + "}\n";
  }
  void List(const std::string& text) {
    std::ofstream(file_) << text;
    chmod(file_.c_str(), 0600);
  }
  void Start() {
    running_.emplace(token_, [&](config::Config& config) {
      config::Keyring& keyring = config.keyrings.at(0);
      keyring.discovery = config::Discovery::kFile;
      keyring.keys_file = file_;
      keyring.rescan_interval = 100ms;
      keyring.policy.waive = waive_;
    });
  }
  void StartAndServe() {
    Start();
    EXPECT_TRUE(running_->WaitUntilServing());
  }
  bool WaitFor(const std::function<bool()>& condition) {
    return RunningKeyring::WaitFor(condition, 10s);
  }
  bool WaitForEvent(const std::string& event) {
    return WaitFor([&] { return running_->observer().Count(event) > 0; });
  }
  std::string active_key_id() { return running_->keyring().Status()->active_key_id; }
  GenerationState StateOf(const std::string& key_id) {
    const auto status = running_->keyring().Status();
    for (const GenerationStatus& generation : status->generations) {
      if (generation.key_id == key_id) return generation.state;
    }
    return GenerationState::kRefused;
  }

  SoftHsmToken token_;
  test::TempDir folder_;
  const std::string file_ = folder_ / "keys.yaml";
  std::map<std::string, std::vector<std::string>> waive_;
  std::optional<RunningKeyring> running_;
  const Bytes seed_ = Bytes(32, 0x5a);
};

TEST_F(ListedKeyringTest, ServesAKeyWithAVendorsLabelAndNoOther) {
  const std::string key_id = Make(1, "KEK: cluster A (2026)");
  Make(2, "KEK: cluster B (2026)");
  MakeKey(token_, {.generation = 3});
  List(Entry(1, "KEK: cluster A (2026)"));
  StartAndServe();
  const Wrapped wrapped = running_->Wrap(seed_);
  EXPECT_EQ(wrapped.key_id, key_id);
  EXPECT_EQ(ToHex(running_->Unwrap(wrapped.ciphertext, key_id).view()), ToHex(seed_));
  EXPECT_EQ(running_->keyring().Status()->generations.size(), 1U);
}

TEST_F(ListedKeyringTest, SwitchesToAGenerationThatIsAddedToTheFileAndStillOpensTheOldOnes) {
  Make(1, "kek-1");
  List(Entry(1, "kek-1"));
  StartAndServe();
  const Wrapped old = running_->Wrap(seed_);
  const std::string second = Make(2, "kek-2");
  List(Entry(1, "kek-1") + Entry(2, "kek-2"));
  ASSERT_TRUE(WaitFor([&] { return active_key_id() == second; }));
  EXPECT_EQ(running_->Wrap(seed_).key_id, second);
  EXPECT_EQ(ToHex(running_->Unwrap(old.ciphertext, old.key_id).view()), ToHex(seed_));
}

TEST_F(ListedKeyringTest, GoesOnWithTheLastGoodListWhenANewOneIsBroken) {
  const std::string key_id = Make(1, "kek-1");
  List(Entry(1, "kek-1"));
  StartAndServe();
  List("- {generation: one}\n");
  ASSERT_TRUE(WaitForEvent("keys_file_refused"));
  const Wrapped wrapped = running_->Wrap(seed_);
  EXPECT_EQ(wrapped.key_id, key_id);
  EXPECT_EQ(running_->Unwrap(wrapped.ciphertext, key_id).size(), seed_.size());
}

TEST_F(ListedKeyringTest, WaitsForAGoodListAndSaysWhatIsWrongWithTheOneThereIs) {
  Make(1, "kek-1");
  List("- {generation: one}\n");
  Start();
  ASSERT_TRUE(WaitFor([&] {
    return running_->keyring().Status()->waiting_for.find("keys.yaml:1:16: [0].generation") !=
           std::string::npos;
  }));
  List(Entry(1, "kek-1"));
  EXPECT_TRUE(running_->WaitUntilServing());
}

TEST_F(ListedKeyringTest, NeverActivatesAWithdrawnGenerationAndLetsItDecrypt) {
  const std::string first = Make(1, "kek-1");
  const std::string second = Make(2, "kek-2");
  List(Entry(1, "kek-1") + Entry(2, "kek-2"));
  StartAndServe();
  ASSERT_EQ(active_key_id(), second);
  const Wrapped wrapped = running_->Wrap(seed_);

  // Another node, which learns of the generation when it is withdrawn already.
  List(Entry(1, "kek-1") + Entry(2, "kek-2", ", state: withdrawn"));
  StartAndServe();
  std::this_thread::sleep_for(1s);  // several times what it would take to become active
  EXPECT_EQ(active_key_id(), first);
  EXPECT_EQ(StateOf(second), GenerationState::kDecryptOnly);
  EXPECT_EQ(ToHex(running_->Unwrap(wrapped.ciphertext, second).view()), ToHex(seed_));
}

TEST_F(ListedKeyringTest, RefusesAnEntryThatTwoObjectsMatchUntilAnIdTellsThemApart) {
  Make(1, "kek", std::string(16, 'a'));
  const std::string right = Make(1, "kek", std::string(16, 'b'));
  List(Entry(1, "kek"));
  Start();
  ASSERT_TRUE(WaitForEvent("key_ignored"));
  EXPECT_EQ(active_key_id(), "");
  List(Entry(1, "kek", ", id: \"62626262626262626262626262626262\""));
  ASSERT_TRUE(running_->WaitUntilServing());
  EXPECT_EQ(active_key_id(), right);
}

TEST_F(ListedKeyringTest, ServesAPairOfKeysThatOnlyTheFileJoins) {
  const std::string key_id = MakeKey(token_, {.label = "kek", .scheme = SchemeId::kAesCbcHmac});
  List(
      "- {generation: 1, label: kek, authenticator: {label: kek authenticator},"
      " activation: 2026-01-31T12:00:00Z, scheme: aes-cbc-hmac}\n");
  StartAndServe();
  const Wrapped wrapped = running_->Wrap(seed_);
  EXPECT_EQ(wrapped.key_id, key_id);
  EXPECT_EQ(ToHex(running_->Unwrap(wrapped.ciphertext, key_id).view()), ToHex(seed_));
}

TEST_F(ListedKeyringTest, SaysWhichListedKeyIsMissing) {
  List(Entry(1, "kek-1"));
  Start();
  EXPECT_TRUE(WaitForEvent("listed_key_missing"));
}

TEST_F(ListedKeyringTest, WrapsWithAKeyFromOutsideOnlyWhereThatIsWaivedByName) {
  const std::string key_id = Make(1, "imported", {}, true);
  List(Entry(1, "imported"));
  Start();
  ASSERT_TRUE(WaitFor([&] { return !running_->keyring().Status()->generations.empty(); }));
  EXPECT_NE(running_->keyring().Status()->generations.at(0).problem.find("CKA_NEVER_EXTRACTABLE"),
            std::string::npos);
  EXPECT_EQ(active_key_id(), "");
  running_.reset();
  waive_["test"] = {"CKA_NEVER_EXTRACTABLE",
                    "CKA_ALWAYS_SENSITIVE",
                    "CKA_LOCAL",
                    "CKA_MODIFIABLE",
                    "CKA_WRAP",
                    "CKA_UNWRAP",
                    "CKA_SIGN",
                    "CKA_VERIFY",
                    "CKA_DERIVE",
                    "CKA_EXTRACTABLE"};
  StartAndServe();
  EXPECT_EQ(running_->Wrap(seed_).key_id, key_id);
}

}  // namespace
}  // namespace mortise::hsm
