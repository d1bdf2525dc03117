// SPDX-License-Identifier: Apache-2.0
// What a keyring does when its token or its worker goes wrong.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <future>

#include "base/file.h"
#include "test/support/key_maker.h"
#include "test/support/matchers.h"
#include "test/support/running_keyring.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;
using test::MakeKey;
using test::RunningKeyring;
using test::SoftHsmToken;
using test::ThrowsError;
using test::ThrowsOneOf;

constexpr std::uint64_t kGeneralError = 5;

// A keyring that serves, on a token whose limits are short.
class ServingKeyringTest : public ::testing::Test {
 protected:
  ServingKeyringTest()
      : key_id_(MakeKey(token_)), running_(token_, [](config::Config& config) {
          config.tokens[0].operation_timeout = 300ms;
          config.tokens[0].hang_limit = 1s;
        }) {
    EXPECT_TRUE(running_.WaitUntilServing());
    wrapped_ = running_.Wrap(seed_);
  }

  std::string Opened(std::chrono::milliseconds timeout = 10s) {
    return ToHex(running_.Unwrap(wrapped_.ciphertext, wrapped_.key_id, timeout).view());
  }
  bool Recovers() {
    return RunningKeyring::WaitFor(
        [&] {
          try {
            return Opened(2s) == ToHex(seed_);
          } catch (const Error&) {
            return false;
          }
        },
        20s);
  }

  SoftHsmToken token_;
  std::string key_id_;
  RunningKeyring running_;
  const Bytes seed_ = Bytes(32, 0x5a);
  Wrapped wrapped_;
};

TEST_F(ServingKeyringTest, LosesNoCallWhenItsWorkerIsKilled) {
  for (int i = 0; i < 3; ++i) {
    auto pending = std::async(std::launch::async, [&] { return Opened(); });
    kill(running_.worker_pid(), SIGKILL);
    EXPECT_EQ(pending.get(), ToHex(seed_));
    EXPECT_EQ(Opened(), ToHex(seed_));
    ASSERT_TRUE(RunningKeyring::WaitFor([&] { return running_.worker_pid() != 0; }, 10s));
  }
  EXPECT_GE(running_.observer().Starts(StartReason::kExited), 1);
}

TEST_F(ServingKeyringTest, NeverCallsABrokenTokensAnswerABadCiphertext) {
  token_.faults().Answer("C_Decrypt", kGeneralError);
  token_.faults().Answer("C_DecryptInit", kGeneralError);
  std::this_thread::sleep_for(1100ms);  // the last proof no longer speaks for the token
  EXPECT_THAT([&] { Opened(1s); }, ThrowsOneOf(testing::Ne(Reason::kCiphertextRefused)));
  std::this_thread::sleep_for(1s);
  EXPECT_EQ(running_.observer().Count("key_foreign"), 0);
  EXPECT_FALSE(running_.keyring().Status()->fatal.has_value());
  token_.faults().Clear();
  EXPECT_TRUE(Recovers());
}

TEST_F(ServingKeyringTest, RefusesABadCiphertextAlthoughTheTokenAnswersAmbiguously) {
  std::string bad = wrapped_.ciphertext;
  bad.back() = static_cast<char>(bad.back() ^ 1);
  std::this_thread::sleep_for(1100ms);  // so that the canary has to speak for the token
  EXPECT_THAT([&] { running_.Unwrap(bad, wrapped_.key_id); },
              ThrowsError(Reason::kCiphertextRefused, ""));
  EXPECT_EQ(running_.observer().Starts(), 1);
}

TEST_F(ServingKeyringTest, IsolatesACiphertextThatCrashesTheLibrary) {
  token_.faults().OnBlob(AsBytes(wrapped_.ciphertext).subspan(16, 32),
                         test::BlobEffect::kSegmentationFault);
  const Wrapped other = running_.Wrap(Bytes(32, 0x77));
  EXPECT_THAT([&] { Opened(); }, ThrowsError(Reason::kPoisoned, "two workers"));
  const int starts = running_.observer().Starts();
  EXPECT_THAT([&] { Opened(); }, ThrowsError(Reason::kPoisoned, "10 minutes"));
  EXPECT_EQ(running_.observer().Starts(StartReason::kIsolation), 1);
  EXPECT_EQ(ToHex(running_.Unwrap(other.ciphertext, other.key_id).view()), ToHex(Bytes(32, 0x77)));
  EXPECT_LE(running_.observer().Starts(), starts + 1);
  EXPECT_EQ(running_.observer().Count("request_poisoned"), 1);
}

TEST_F(ServingKeyringTest, AnswersFromAnotherSessionWhenOneIsStuck) {
  token_.faults().Hang("C_Decrypt", 1);
  EXPECT_EQ(Opened(5s), ToHex(seed_));
  token_.faults().ReleaseHangs();
}

TEST_F(ServingKeyringTest, ReplacesAWorkerThatHangs) {
  const int worker = running_.worker_pid();
  token_.faults().Hang("C_Decrypt");
  EXPECT_THAT([&] { Opened(700ms); },
              ThrowsOneOf(testing::AnyOf(Reason::kTimeout, Reason::kDeadline, Reason::kNoWorker)));
  EXPECT_TRUE(RunningKeyring::WaitFor(
      [&] { return running_.observer().Starts(StartReason::kHung) >= 1; }, 10s));
  EXPECT_TRUE(RunningKeyring::WaitFor([&] { return kill(worker, 0) != 0; }, 5s))
      << "the hung worker is still there";
  token_.faults().Clear();
  EXPECT_TRUE(Recovers());
}

TEST_F(ServingKeyringTest, DoesNotAnswerAWrapThatDoesNotOpen) {
  for (const char* function : {"C_Encrypt", "C_Decrypt"}) {
    token_.faults().Corrupt(function, 1);
    EXPECT_THAT([&] { running_.Wrap(seed_, 2s); }, ThrowsError(Reason::kProofFailed)) << function;
    running_.Wrap(seed_, 5s);  // waits for the self-test that this leads to
  }
  EXPECT_EQ(Opened(), ToHex(seed_));
}

TEST_F(ServingKeyringTest, ServesAgainWhenTheTokenIsBack) {
  token_.faults().RemoveToken();
  EXPECT_TRUE(
      RunningKeyring::WaitFor([&] { return !running_.keyring().Status()->tokens[0].is_up; }, 20s));
  EXPECT_FALSE(running_.keyring().Status()->fatal.has_value());
  token_.faults().ReturnToken();
  EXPECT_TRUE(Recovers());
}

TEST_F(ServingKeyringTest, LosesNoCallWhenTheLibraryLosesItsSessions) {
  token_.faults().LoseSessions();
  EXPECT_EQ(Opened(), ToHex(seed_));
}

TEST_F(ServingKeyringTest, EndsACallAtItsDeadlineWhileTheTokenIsSlow) {
  token_.faults().Delay("C_Decrypt", 2s);
  const Clock::time_point begin = Clock::now();
  EXPECT_THAT([&] { Opened(200ms); },
              ThrowsOneOf(testing::AnyOf(Reason::kTimeout, Reason::kDeadline)));
  EXPECT_LT(Clock::now() - begin, 1s);
  token_.faults().Clear();
}

TEST(SelfTestTest, IsRepeatedWhereOneCodeMeantNothing) {
  SoftHsmToken token;
  MakeKey(token);
  token.faults().Once("C_Decrypt", kGeneralError);
  RunningKeyring running(token);
  ASSERT_TRUE(running.WaitUntilServing());
  EXPECT_FALSE(running.Wrap(Bytes(32, 0x5a), 15s).ciphertext.empty());
  EXPECT_EQ(running.observer().Count("self_test_undecided"), 1);
  EXPECT_EQ(running.observer().Count("self_test_failed"), 0);
}

TEST(SlowTokenTest, WrapsAlthoughItsSelfTestTakesLongerThanOneOperationMay) {
  SoftHsmToken token;
  MakeKey(token);
  token.faults().Delay("C_Encrypt", 150ms);
  token.faults().Delay("C_Decrypt", 150ms);
  RunningKeyring running(token, [](config::Config& config) {
    config.tokens[0].operation_timeout = 500ms;  // the self-test takes about 1.2 s
  });
  ASSERT_TRUE(running.WaitUntilServing());
  EXPECT_FALSE(running.Wrap(Bytes(32, 0x5a), 15s).ciphertext.empty());
}

TEST(WrongPinTest, IsTriedOnceWhereNoRecordCanBeWritten) {
  SoftHsmToken token;
  MakeKey(token);
  RunningKeyring running(token);
  ASSERT_TRUE(running.WaitUntilServing());
  const std::uint64_t logins = token.faults().Calls("C_Login");
  // A file in the folder's place.
  const std::string records = running.state_dir() + "/pin-latch";
  std::filesystem::remove_all(records);
  WriteFileAtomically(records, "");
  token.faults().Answer("C_Login", 0xA0);
  kill(running.worker_pid(), SIGKILL);
  ASSERT_TRUE(RunningKeyring::WaitFor(
      [&] { return running.observer().Starts(StartReason::kExited) >= 4; }, 20s));
  EXPECT_EQ(token.faults().Calls("C_Login"), logins + 1);
}

TEST(WrongPinTest, IsTriedOnceOverRestarts) {
  SoftHsmToken token;
  MakeKey(token);
  const std::string wrong = token.folder() + "/wrong-pin";
  WriteFileAtomically(wrong, "00000000\n", 0400);
  RunningKeyring running(token, [&](config::Config& config) { config.tokens[0].pin_file = wrong; });
  for (int life = 0; life < 3; ++life) {
    EXPECT_TRUE(RunningKeyring::WaitFor(
        [&] { return running.observer().Count("pin_rejected") > life; }, 10s));
    running.Restart();
  }
  EXPECT_EQ(token.faults().Calls("C_Login"), 1U);
}

}  // namespace
}  // namespace mortise::hsm
