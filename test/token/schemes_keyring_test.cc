// SPDX-License-Identifier: Apache-2.0
// A keyring of each scheme on a real token, with real workers.
#include <gtest/gtest.h>

#include "hsm/key_history.h"
#include "test/support/key_maker.h"
#include "test/support/matchers.h"
#include "test/support/running_keyring.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;
using test::KeyToMake;
using test::MakeKey;
using test::MakeObject;
using test::RunningKeyring;
using test::SoftHsmToken;
using test::ThrowsError;

// Of SoftHSM2, whose OAEP has SHA-1 only and which has no KWP by C_Encrypt.
std::vector<KeyToMake> KeysOfEachScheme() {
  return {{.scheme = SchemeId::kAesGcm},
          {.scheme = SchemeId::kAesCbcHmac},
          {.scheme = SchemeId::kRsaOaepHmacSha1},
          {.scheme = SchemeId::kRsaOaepSignSha1}};
}

class SchemesKeyringTest : public ::testing::TestWithParam<KeyToMake> {
 protected:
  SchemesKeyringTest() : made_(MakeKey(token_, GetParam())), running_(token_, Quick) {
    EXPECT_TRUE(running_.WaitUntilServing());
    key_id_ = running_.keyring().Status()->active_key_id;
  }

  static void Quick(config::Config& config) { config.keyrings[0].rescan_interval = 1s; }
  bool HasPair() const { return FactsOf(GetParam().scheme).authenticator.has_value(); }
  std::string SecondLabel() const {
    return test::LabelOf(GetParam(), *FactsOf(GetParam().scheme).authenticator);
  }
  std::string Opened(const Wrapped& wrapped) {
    return ToHex(running_.Unwrap(wrapped.ciphertext, wrapped.key_id).view());
  }

  SoftHsmToken token_;
  const std::string made_;
  RunningKeyring running_;
  std::string key_id_;
  const Bytes seed_ = Bytes(32, 0x5a);
};

TEST_P(SchemesKeyringTest, ServesItAndOpensAfterARestartWhatItWrapped) {
  if (!made_.empty()) {
    EXPECT_EQ(key_id_, made_);
  }
  const Wrapped wrapped = running_.Wrap(seed_);
  EXPECT_EQ(static_cast<SchemeId>(wrapped.ciphertext.at(1)), GetParam().scheme);
  EXPECT_EQ(Opened(wrapped), ToHex(seed_));
  EXPECT_EQ(running_.keyring().Status()->generations.at(0).scheme, Name(GetParam().scheme));
  running_.Restart();
  EXPECT_EQ(Opened(wrapped), ToHex(seed_));
}

TEST_P(SchemesKeyringTest, RefusesAnyFlippedByteAndKeepsItsWorker) {
  const Wrapped wrapped = running_.Wrap(seed_);
  const int worker = running_.worker_pid();
  for (std::size_t at = 0; at < wrapped.ciphertext.size(); ++at) {
    std::string flipped = wrapped.ciphertext;
    flipped[at] = static_cast<char>(flipped[at] ^ 1);
    EXPECT_THAT([&] { running_.Unwrap(flipped, wrapped.key_id); },
                ThrowsError(Reason::kCiphertextRefused, ""));
  }
  EXPECT_EQ(Opened(wrapped), ToHex(seed_));
  EXPECT_EQ(running_.worker_pid(), worker);
  EXPECT_EQ(running_.observer().Starts(), 1);
}

TEST_P(SchemesKeyringTest, GoesOnServingBesideAPlantedSecondKey) {
  if (!HasPair()) return;
  const Wrapped wrapped = running_.Wrap(seed_);
  const bool is_mac = FactsOf(GetParam().scheme).authenticator == KeyRole::kMac;
  MakeObject(token_, SecondLabel(), "planted-beside-1", is_mac ? "mac" : GetParam().signer);
  ASSERT_TRUE(
      RunningKeyring::WaitFor([&] { return running_.observer().Count("key_ignored") == 1; }, 10s));
  EXPECT_EQ(running_.Wrap(seed_).key_id, key_id_);
  running_.Restart();
  ASSERT_TRUE(running_.WaitUntilServing());
  EXPECT_EQ(running_.Wrap(seed_).key_id, key_id_);
  EXPECT_EQ(Opened(wrapped), ToHex(seed_));
}

INSTANTIATE_TEST_SUITE_P(SoftHsm, SchemesKeyringTest, ::testing::ValuesIn(KeysOfEachScheme()),
                         [](const auto& info) {
                           std::string name(Name(info.param.scheme));
                           std::erase(name, '-');
                           return name;
                         });

TEST(SchemeRotationTest, OpensWhatTheSchemeBeforeWrapped) {
  SoftHsmToken token;
  MakeKey(token);
  RunningKeyring running(token,
                         [](config::Config& config) { config.keyrings[0].rescan_interval = 1s; });
  ASSERT_TRUE(running.WaitUntilServing());
  const Wrapped old = running.Wrap(Bytes(32, 0x5a));
  const std::string second =
      MakeKey(token, {.generation = 2, .activation = WallNow(), .scheme = SchemeId::kAesCbcHmac});
  ASSERT_TRUE(RunningKeyring::WaitFor(
      [&] { return running.keyring().Status()->generations.size() == 2; }, 10s));
  EXPECT_EQ(ToHex(running.Unwrap(old.ciphertext, old.key_id).view()), ToHex(Bytes(32, 0x5a)));
  // The old one's ciphertext under the new one's name is one of another scheme.
  EXPECT_THAT([&] { running.Unwrap(old.ciphertext, second); },
              ThrowsError(Reason::kCiphertextRefused, ""));
}

TEST(SchemeRotationTest, TakesASuccessorOfAnotherSchemeForItsOwn) {
  SoftHsmToken token;
  MakeKey(token);
  RunningKeyring running(token,
                         [](config::Config& config) { config.keyrings[0].rescan_interval = 1s; });
  ASSERT_TRUE(running.WaitUntilServing());
  const std::string second = MakeKey(
      token, {.generation = 2, .activation = WallNow() + 1h, .scheme = SchemeId::kAesCbcHmac});
  // Once it is recorded it has opened its own canary and none of the generation before.
  EXPECT_TRUE(RunningKeyring::WaitFor(
      [&] { return KeyHistory(running.state_dir()).Load("prod").keys.contains(second); }, 10s))
      << running.keyring().Status()->generations.at(1).problem;
  EXPECT_EQ(running.observer().Count("key_not_accepted"), 0);
}

TEST(FipsKeyringTest, OpensWhatIsStoredAndSaysAtOnceWhyItDoesNotWrapByTheCallersIv) {
  SoftHsmToken token;
  MakeKey(token);
  RunningKeyring running(token);
  ASSERT_TRUE(running.WaitUntilServing());
  const Bytes seed(32, 0x5a);
  const Wrapped wrapped = running.Wrap(seed);
  running.Restart(
      [](config::Config& config) { config.keyrings[0].policy.mode = config::PolicyMode::kFips; });
  EXPECT_EQ(ToHex(running.Unwrap(wrapped.ciphertext, wrapped.key_id).view()), ToHex(seed));
  EXPECT_THAT([&] { running.Wrap(seed, 10s); }, ThrowsError(Reason::kKeyRefused, "mode fips"));
}

}  // namespace
}  // namespace mortise::hsm
