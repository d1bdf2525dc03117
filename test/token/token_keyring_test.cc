// SPDX-License-Identifier: Apache-2.0
// A keyring on a real token, with real workers.
#include "hsm/token_keyring.h"

#include <gtest/gtest.h>

#include <future>

#include "base/file_lock.h"
#include "hsm/cryptoki/module.h"
#include "hsm/key_history.h"
#include "hsm/state_dir.h"
#include "hsm/wrap_budget.h"
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

// A token with one KEK, and a keyring that serves it.
class ReadyKeyringTest : public ::testing::Test {
 protected:
  ReadyKeyringTest() : key_id_(MakeKey(token_)), running_(token_) {
    EXPECT_TRUE(running_.WaitUntilServing());
  }

  SoftHsmToken token_;
  std::string key_id_;
  RunningKeyring running_;
  const Bytes seed_ = Bytes(32, 0x5a);
};

TEST_F(ReadyKeyringTest, OpensWhatItWrapped) {
  const Wrapped wrapped = running_.Wrap(seed_);
  EXPECT_EQ(wrapped.key_id, key_id_);
  EXPECT_EQ(wrapped.key_id, running_.keyring().Status()->active_key_id);
  EXPECT_EQ(ToHex(running_.Unwrap(wrapped.ciphertext, wrapped.key_id).view()), ToHex(seed_));
}

TEST_F(ReadyKeyringTest, WrapsEverySizeFrom1To128AndNoOther) {
  for (std::size_t size = 1; size <= 128; ++size) {
    const Bytes seed(size, 0x11);
    const Wrapped wrapped = running_.Wrap(seed);
    EXPECT_LE(wrapped.ciphertext.size(), 1024U);
    EXPECT_EQ(ToHex(running_.Unwrap(wrapped.ciphertext, wrapped.key_id).view()), ToHex(seed));
  }
  EXPECT_THAT([&] { running_.Wrap({}); }, ThrowsError(Reason::kPlaintextInvalid, "1 to 128"));
  EXPECT_THAT([&] { running_.Wrap(Bytes(129)); },
              ThrowsError(Reason::kPlaintextInvalid, "1 to 128"));
}

TEST_F(ReadyKeyringTest, GivesEqualSeedsDifferentCiphertexts) {
  EXPECT_NE(running_.Wrap(seed_).ciphertext, running_.Wrap(seed_).ciphertext);
}

TEST_F(ReadyKeyringTest, RefusesACiphertextWithAnyBitFlippedAndKeepsItsWorker) {
  const Wrapped wrapped = running_.Wrap(seed_);
  const int worker = running_.worker_pid();
  for (std::size_t bit = 0; bit < wrapped.ciphertext.size() * 8; ++bit) {
    std::string flipped = wrapped.ciphertext;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_THAT([&] { running_.Unwrap(flipped, wrapped.key_id); },
                ThrowsError(Reason::kCiphertextRefused, ""));
  }
  EXPECT_EQ(ToHex(running_.Unwrap(wrapped.ciphertext, wrapped.key_id).view()), ToHex(seed_));
  EXPECT_EQ(running_.worker_pid(), worker);
  EXPECT_EQ(running_.observer().Starts(), 1);
}

TEST_F(ReadyKeyringTest, RefusesACiphertextCutOrExtended) {
  const Wrapped wrapped = running_.Wrap(seed_);
  for (const std::string& odd :
       {wrapped.ciphertext.substr(1), wrapped.ciphertext.substr(0, wrapped.ciphertext.size() - 1),
        wrapped.ciphertext + "x", std::string(), std::string(1025, 'x')}) {
    EXPECT_THAT([&] { running_.Unwrap(odd, wrapped.key_id); },
                ThrowsError(Reason::kCiphertextRefused, ""));
  }
}

TEST_F(ReadyKeyringTest, FindsNoKeyForAStrangersKeyId) {
  const Wrapped wrapped = running_.Wrap(seed_);
  for (const std::string key_id : {"", "x", "other.1.0123456789abcdef", "prod.1.0123456789abcdef",
                                   "prod.1.0123456789ABCDEF"}) {
    EXPECT_THAT([&] { running_.Unwrap(wrapped.ciphertext, key_id); },
                ThrowsError(Reason::kKeyNotFound, ""));
  }
}

TEST_F(ReadyKeyringTest, AsksTheTokenToOpenNothingUnderAnUnknownKeyId) {
  RunningKeyring quiet(token_, [](config::Config& config) {
    config.tokens[0].canary_interval = 1h;
    config.keyrings[0].rescan_interval = 1h;
  });
  ASSERT_TRUE(quiet.WaitUntilServing());
  const Wrapped wrapped = quiet.Wrap(seed_);
  const std::uint64_t before = token_.faults().Calls("C_DecryptInit");
  for (const std::string key_id : {"prod.1.0123456789abcdef", "prod.2.0123456789abcdef", "x"}) {
    EXPECT_THAT([&] { quiet.Unwrap(wrapped.ciphertext, key_id); },
                ThrowsError(Reason::kKeyNotFound, ""));
  }
  EXPECT_EQ(token_.faults().Calls("C_DecryptInit"), before);
  EXPECT_EQ(ToHex(quiet.Unwrap(wrapped.ciphertext, wrapped.key_id).view()), ToHex(seed_));
  EXPECT_EQ(token_.faults().Calls("C_DecryptInit"), before + 1);
}

TEST_F(ReadyKeyringTest, OpensAfterARestartWhatItWrappedBefore) {
  const Wrapped wrapped = running_.Wrap(seed_);
  running_.Restart();
  // Asked before the token is up: the call waits instead of failing.
  EXPECT_EQ(ToHex(running_.Unwrap(wrapped.ciphertext, wrapped.key_id).view()), ToHex(seed_));
}

TEST_F(ReadyKeyringTest, KeepsACanaryOfTheKeyItTrusted) {
  EXPECT_EQ(running_.observer().Count("key_trusted_on_first_use"), 1);
  running_.Restart();
  EXPECT_TRUE(running_.WaitUntilServing());
  EXPECT_EQ(running_.observer().Count("key_trusted_on_first_use"), 1);
}

TEST_F(ReadyKeyringTest, FindsANewKeyForAllOfManyDecryptsAtOnce) {
  RunningKeyring quiet(token_,
                       [](config::Config& config) { config.keyrings[0].rescan_interval = 1h; });
  ASSERT_TRUE(quiet.WaitUntilServing());
  const Wrapped wrapped = quiet.Wrap(seed_);
  const std::string second = MakeKey(token_, {.generation = 2, .activation = WallNow() + 1h});
  std::vector<std::future<void>> calls;
  for (int i = 0; i < 4; ++i) {
    calls.push_back(
        std::async(std::launch::async, [&] { quiet.Unwrap(wrapped.ciphertext, second); }));
  }
  // Found: it is the ciphertext that is refused, being the first one's.
  for (std::future<void>& call : calls)
    EXPECT_THAT([&] { call.get(); }, ThrowsError(Reason::kCiphertextRefused, ""));
}

TEST_F(ReadyKeyringTest, JudgesAnUnknownKeyIdOnlyAfterTheSearchItWishedFor) {
  RunningKeyring quiet(token_, [](config::Config& config) {
    config.keyrings[0].rescan_interval = 1h;
    config.tokens[0].canary_interval = 100ms;
  });
  ASSERT_TRUE(quiet.WaitUntilServing());
  const Wrapped wrapped = quiet.Wrap(seed_);
  const std::string second = MakeKey(token_, {.generation = 2, .activation = WallNow() + 1h});
  // Asked while a canary is out, so that other upkeep comes before the search.
  token_.faults().Delay("C_Decrypt", 300ms);
  const std::uint64_t canaries = token_.faults().Calls("C_Decrypt");
  ASSERT_TRUE(
      RunningKeyring::WaitFor([&] { return token_.faults().Calls("C_Decrypt") > canaries; }, 10s));
  EXPECT_THAT([&] { quiet.Unwrap(wrapped.ciphertext, second); },
              ThrowsError(Reason::kCiphertextRefused, ""));
}

TEST_F(ReadyKeyringTest, ReservesWrapsBeforeTheFirstEncryptOfItsLife) {
  const auto reserved = [this] { return running_.keyring().Status()->generations[0].wraps; };
  ASSERT_TRUE(RunningKeyring::WaitFor([&] { return reserved() == WrapBudget::kBlock; }, 10s));
  running_.Restart();
  ASSERT_TRUE(running_.WaitUntilServing());
  EXPECT_TRUE(RunningKeyring::WaitFor([&] { return reserved() == 2 * WrapBudget::kBlock; }, 10s));
}

TEST_F(ReadyKeyringTest, LooksAgainForAKeyThatWasMadeWhileASearchWasUnderWay) {
  RunningKeyring quiet(token_,
                       [](config::Config& config) { config.keyrings[0].rescan_interval = 1h; });
  ASSERT_TRUE(quiet.WaitUntilServing());
  const Wrapped wrapped = quiet.Wrap(seed_);
  const std::string unknown = "prod.9.0000000000000000";
  token_.faults().Delay("C_FindObjectsFinal", 1s);  // the search has seen what it will see
  const std::uint64_t searches = token_.faults().Calls("C_FindObjectsFinal");
  auto first = std::async(std::launch::async, [&] {
    EXPECT_THAT([&] { quiet.Unwrap(wrapped.ciphertext, unknown); },
                ThrowsError(Reason::kKeyNotFound));
  });
  ASSERT_TRUE(RunningKeyring::WaitFor(
      [&] { return token_.faults().Calls("C_FindObjectsFinal") > searches; }, 10s));
  token_.faults().Clear();
  const std::string second = MakeKey(token_, {.generation = 2, .activation = WallNow() + 1h});
  EXPECT_THAT([&] { quiet.Unwrap(wrapped.ciphertext, second); },
              ThrowsError(Reason::kCiphertextRefused, ""));
}

TEST_F(ReadyKeyringTest, WrapsAgainOnceItsWrapsCanBeRecorded) {
  const std::string instances = running_.state_dir() + "/instances";
  {
    std::optional<FileLock> other = FileLock::Acquire(instances + "/.lock", 5s);
    ASSERT_TRUE(other.has_value());
    running_.Restart();
    ASSERT_TRUE(running_.WaitUntilServing());
    EXPECT_THAT([&] { running_.Wrap(seed_); }, ThrowsError(Reason::kStateUnusable));
  }
  EXPECT_TRUE(RunningKeyring::WaitFor(
      [&] {
        try {
          return !running_.Wrap(seed_).ciphertext.empty();
        } catch (const Error&) {
          return false;
        }
      },
      10s));
}

TEST_F(ReadyKeyringTest, SearchesAgainSoonAfterASearchThatFailed) {
  // A worker searches once for itself when it starts and once for the front.
  token_.faults().Once("C_FindObjectsInit", 0);
  token_.faults().Once("C_FindObjectsInit", CKR_FUNCTION_NOT_SUPPORTED);
  running_.Restart();
  EXPECT_TRUE(running_.WaitUntilServing(10s));
}

TEST_F(ReadyKeyringTest, RefusesToWrapBeyondItsShare) {
  RunningKeyring limited(token_, [](config::Config& config) { config.keyrings[0].wrap_limit = 2; });
  ASSERT_TRUE(limited.WaitUntilServing());
  const Wrapped wrapped = limited.Wrap(seed_);
  limited.Wrap(seed_);
  EXPECT_THAT([&] { limited.Wrap(seed_); }, ThrowsError(Reason::kWrapLimit, ""));
  EXPECT_EQ(ToHex(limited.Unwrap(wrapped.ciphertext, wrapped.key_id).view()), ToHex(seed_));
}

TEST_F(ReadyKeyringTest, RefusesToWrapFasterThanItsRate) {
  RunningKeyring limited(
      token_, [](config::Config& config) { config.keyrings[0].max_wraps_per_second = 1; });
  ASSERT_TRUE(limited.WaitUntilServing());
  EXPECT_THAT(
      [&] {
        for (int i = 0; i < 20; ++i) limited.Wrap(seed_);
      },
      ThrowsError(Reason::kWrapRate, "maxWrapsPerSecond"));
}

TEST(TwoGenerationsTest, OpensBothAndWrapsWithTheFirstUntilTheSecondIsDue) {
  SoftHsmToken token;
  const std::string first = MakeKey(token, {.generation = 1});
  const std::string second = MakeKey(token, {.generation = 2, .activation = WallNow() + 1h});
  RunningKeyring running(token);
  ASSERT_TRUE(running.WaitUntilServing());
  EXPECT_EQ(running.keyring().Status()->active_key_id, first);
  EXPECT_EQ(running.Wrap(Bytes(32)).key_id, first);
  ASSERT_TRUE(RunningKeyring::WaitFor(
      [&] { return running.keyring().Status()->generations.size() == 2; }, 5s));
  EXPECT_EQ(running.keyring().Status()->generations[1].state, GenerationState::kPending);
}

TEST(TwoGenerationsTest, RefusesACiphertextOfOneUnderTheOthersName) {
  SoftHsmToken token;
  const std::string first = MakeKey(token, {.generation = 1});
  const std::string second = MakeKey(token, {.generation = 2, .activation = WallNow() + 1h});
  RunningKeyring running(token);
  ASSERT_TRUE(running.WaitUntilServing());
  const Wrapped wrapped = running.Wrap(Bytes(32));
  EXPECT_THAT([&] { running.Unwrap(wrapped.ciphertext, second); },
              ThrowsError(Reason::kCiphertextRefused, ""));
}

TEST(EmptyKeyringTest, WaitsForAKeyAndServesItOnceItIsThere) {
  SoftHsmToken token;
  RunningKeyring running(token,
                         [](config::Config& config) { config.keyrings[0].rescan_interval = 1s; });
  ASSERT_TRUE(RunningKeyring::WaitFor(
      [&] {
        return running.keyring().Status()->waiting_for.find("key create") != std::string::npos;
      },
      10s));
  EXPECT_THAT([&] { running.Wrap(Bytes(32), 1s); }, ThrowsError(Reason::kUnavailable, ""));
  MakeKey(token);
  EXPECT_TRUE(running.WaitUntilServing());
}

TEST(EmptyKeyringTest, SaysOnceWhyItCannotRecordAKey) {
  SoftHsmToken token;
  RunningKeyring running(token,
                         [](config::Config& config) { config.keyrings[0].rescan_interval = 1s; });
  const auto lock = FileLock::Acquire(running.state_dir() + "/state.json.lock", 10s);
  ASSERT_TRUE(lock);
  MakeKey(token);
  EXPECT_TRUE(
      RunningKeyring::WaitFor([&] { return running.observer().Count("state_unusable") > 0; }, 20s));
  EXPECT_FALSE(
      RunningKeyring::WaitFor([&] { return running.observer().Count("state_unusable") > 1; }, 7s));
}

TEST(WrongClockTest, NamesTheClockThatKeepsTheFirstKeyFromBecomingActive) {
  SoftHsmToken token;
  MakeKey(token);
  RunningKeyring running(token, [](config::Config& config) {
    const StateDir make(config.state_dir);
    KeyHistory(config.state_dir).Update("prod", [](KeyringHistory& history) {
      history.last_time_seen = WallNow() + 1h;
    });
  });
  EXPECT_TRUE(
      RunningKeyring::WaitFor([&] { return running.observer().Count("clock_wrong") == 1; }, 10s));
  EXPECT_TRUE(RunningKeyring::WaitFor(
      [&] {
        return running.keyring().Status()->waiting_for.find("set the clock") != std::string::npos;
      },
      10s));
  EXPECT_THAT([&] { running.Wrap(Bytes(32), 1s); }, ThrowsError(Reason::kUnavailable, ""));
}

TEST(PlantedKeyTest, DoesNotTakeThePlaceOfTheKeyWhoseNameItCarries) {
  SoftHsmToken token;
  // One is older than the key and others are younger, so that no order of a listing helps.
  KeyToMake kek{.cka_id = "0123456789abcdef"};
  KeyToMake planted = kek;
  planted.is_planted = true;
  MakeKey(token, planted);
  MakeKey(token, kek);
  for (int i = 0; i < 3; ++i) MakeKey(token, planted);
  RunningKeyring running(token);
  ASSERT_TRUE(running.WaitUntilServing());
  const Wrapped wrapped = running.Wrap(Bytes(32, 0x5a));
  for (int life = 0; life < 3; ++life) {
    running.Restart();
    ASSERT_TRUE(running.WaitUntilServing());
    EXPECT_EQ(ToHex(running.Unwrap(wrapped.ciphertext, wrapped.key_id).view()),
              ToHex(Bytes(32, 0x5a)));
  }
  EXPECT_EQ(running.observer().Count("key_foreign"), 0);
}

TEST(PlantedKeyTest, ThatTheTokenItselfMadeIsToldByTheCanary) {
  SoftHsmToken token;
  KeyToMake kek{.cka_id = "0123456789abcdef"};
  MakeKey(token, kek);
  RunningKeyring running(token);
  ASSERT_TRUE(running.WaitUntilServing());
  const Wrapped wrapped = running.Wrap(Bytes(32, 0x5a));
  for (int i = 0; i < 4; ++i) MakeKey(token, kek);
  for (int life = 0; life < 3; ++life) {
    running.Restart();
    // At once: no canary has been opened yet that could have told the worker.
    EXPECT_EQ(ToHex(running.Unwrap(wrapped.ciphertext, wrapped.key_id).view()),
              ToHex(Bytes(32, 0x5a)));
    ASSERT_TRUE(running.WaitUntilServing());
    EXPECT_NO_THROW(running.Wrap(Bytes(32)));
  }
  EXPECT_EQ(running.observer().Count("key_foreign"), 0);
}

TEST(PlantedKeyTest, IgnoresAKeyOfAnotherContext) {
  SoftHsmToken token;
  MakeKey(token, {.context = "cluster-b"});
  RunningKeyring running(token);
  ASSERT_TRUE(
      RunningKeyring::WaitFor([&] { return running.observer().Count("key_ignored") == 1; }, 10s));
  EXPECT_TRUE(running.keyring().Status()->generations.empty());
}

}  // namespace
}  // namespace mortise::hsm
