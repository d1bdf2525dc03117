// SPDX-License-Identifier: Apache-2.0
// The fault module itself: it forwards, and it goes wrong exactly as told.
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <future>

#include "hsm/cryptoki/module.h"
#include "hsm/cryptoki/session.h"
#include "hsm/cryptoki/slot.h"
#include "test/support/child_process.h"
#include "test/support/matchers.h"
#include "test/support/softhsm_token.h"

namespace mortise::test {
namespace {

using namespace std::chrono_literals;

// A session through the fault module, logged in, with one AES key of the session.
class FaultModuleTest : public ::testing::Test {
 protected:
  FaultModuleTest() {
    token_.Export();
    module_.emplace(SoftHsmToken::FaultModule());
    slot_ = SlotIds().at(0);
    session_.emplace(*module_, slot_, true);
    session_->Login(CKU_USER, token_.Pin().view());
    key_ = GenerateKey();
  }

  std::vector<CK_SLOT_ID> SlotIds() const {
    std::array<CK_SLOT_ID, 8> slots{};
    CK_ULONG count = slots.size();
    EXPECT_EQ(module_->p11().C_GetSlotList(CK_TRUE, slots.data(), &count), CKR_OK);
    return {slots.begin(), slots.begin() + count};
  }

  CK_OBJECT_HANDLE GenerateKey() {
    CK_MECHANISM mechanism{CKM_AES_KEY_GEN, nullptr, 0};
    CK_ULONG size = 32;
    CK_BBOOL yes = CK_TRUE;
    std::array<CK_ATTRIBUTE, 3> wanted{{{CKA_VALUE_LEN, &size, sizeof(size)},
                                        {CKA_ENCRYPT, &yes, sizeof(yes)},
                                        {CKA_DECRYPT, &yes, sizeof(yes)}}};
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    EXPECT_EQ(module_->p11().C_GenerateKey(session_->handle(), &mechanism, wanted.data(),
                                           wanted.size(), &key),
              CKR_OK);
    return key;
  }

  // After an error a session is good for nothing; its key goes with it.
  void Reopen() {
    const hsm::Session anchor(*module_, slot_, true);  // keeps the login
    session_.emplace(*module_, slot_, true);
    key_ = GenerateKey();
  }

  Bytes Encrypt(ByteView plain) {
    Bytes out(256);
    out.resize(session_->Encrypt(mechanism_, key_, plain, out));
    return out;
  }
  Bytes Decrypt(ByteView blob) {
    Bytes out(256);
    out.resize(session_->Decrypt(mechanism_, key_, blob, out));
    return out;
  }
  auto Decrypting(const Bytes& blob) {
    return [this, blob] { Decrypt(blob); };
  }
  CK_RV RandomRv() {
    CK_BYTE byte = 0;
    return module_->p11().C_GenerateRandom(session_->handle(), &byte, 1);
  }

  SoftHsmToken token_;
  std::optional<hsm::Module> module_;
  CK_SLOT_ID slot_ = 0;
  std::optional<hsm::Session> session_;
  CK_OBJECT_HANDLE key_ = CK_INVALID_HANDLE;
  Bytes plain_ = Bytes(32, 0x5a);
  std::array<CK_BYTE, 16> iv_{};
  CK_MECHANISM mechanism_{CKM_AES_CBC, iv_.data(), iv_.size()};
};

TEST_F(FaultModuleTest, ForwardsWhenNothingIsSet) {
  EXPECT_EQ(Decrypt(Encrypt(plain_)), plain_);
}

TEST_F(FaultModuleTest, TakesOneShotFaultsInTheOrderTheyWereGiven) {
  token_.faults().Once("C_GenerateRandom", CKR_DEVICE_ERROR);
  token_.faults().Once("C_GenerateRandom", CKR_SESSION_COUNT);
  EXPECT_EQ(RandomRv(), CKR_DEVICE_ERROR);
  EXPECT_EQ(RandomRv(), CKR_SESSION_COUNT);
  EXPECT_EQ(RandomRv(), CKR_OK);
}

TEST_F(FaultModuleTest, AnswersAStandingCodeUntilCleared) {
  token_.faults().Answer("C_GenerateRandom", 0x80000001);
  EXPECT_EQ(RandomRv(), 0x80000001);
  EXPECT_EQ(RandomRv(), 0x80000001);
  token_.faults().Clear();
  EXPECT_EQ(RandomRv(), CKR_OK);
}

TEST_F(FaultModuleTest, DelaysEveryCallByWhatWasAsked) {
  token_.faults().Delay("C_GenerateRandom", 20ms);
  const auto start = std::chrono::steady_clock::now();
  RandomRv();
  RandomRv();
  EXPECT_GE(std::chrono::steady_clock::now() - start, 40ms);
}

TEST_F(FaultModuleTest, HangsUntilReleased) {
  token_.faults().Hang("C_GenerateRandom", 1);
  auto hung = std::async(std::launch::async, [this] { return RandomRv(); });
  EXPECT_EQ(hung.wait_for(50ms), std::future_status::timeout);
  token_.faults().ReleaseHangs();
  EXPECT_EQ(hung.get(), CKR_OK);
}

TEST_F(FaultModuleTest, PausesOnceForTheTimeGiven) {
  token_.faults().PauseFor(30ms);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(RandomRv(), CKR_OK);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 25ms);
}

TEST_F(FaultModuleTest, PausesAtTheStartOfEachPeriod) {
  token_.faults().PauseEvery(10min, 30ms);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(RandomRv(), CKR_OK);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 25ms);
}

TEST_F(FaultModuleTest, FlipsABitOfOneOutput) {
  const Bytes blob = Encrypt(plain_);
  token_.faults().Corrupt("C_Decrypt", 1);
  EXPECT_NE(Decrypt(blob), plain_);
  EXPECT_EQ(Decrypt(blob), plain_);
}

TEST_F(FaultModuleTest, AnswersForTheNamedBlobOnly) {
  const Bytes bad = Encrypt(plain_);
  token_.faults().OnBlob(ByteView(bad).subspan(3, 8), BlobEffect::kAnswer, CKR_DEVICE_MEMORY);
  EXPECT_THAT(Decrypting(bad), ThrowsError(Reason::kBusy));
  Reopen();
  EXPECT_EQ(Decrypt(Encrypt(Bytes(32, 0x11))), Bytes(32, 0x11));
}

TEST_F(FaultModuleTest, CrashesOnTheNamedBlob) {
  const Bytes blob = Encrypt(plain_);
  token_.faults().OnBlob(blob, BlobEffect::kSegmentationFault);
  const pid_t child = fork();
  if (child == 0) {
    Decrypt(blob);
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

TEST_F(FaultModuleTest, HidesARemovedTokenAndBringsItBack) {
  token_.faults().RemoveToken();
  EXPECT_TRUE(SlotIds().empty());
  EXPECT_EQ(RandomRv(), CKR_TOKEN_NOT_PRESENT);
  token_.faults().ReturnToken();
  EXPECT_FALSE(SlotIds().empty());
  EXPECT_EQ(RandomRv(), CKR_OK);
}

TEST_F(FaultModuleTest, LosesSessionsUntilTheLibraryIsInitialisedAgain) {
  token_.faults().LoseSessions();
  EXPECT_EQ(RandomRv(), CKR_DEVICE_ERROR);
  session_.reset();
  module_.reset();
  module_.emplace(SoftHsmToken::FaultModule());
  session_.emplace(*module_, slot_, true);
  EXPECT_EQ(RandomRv(), CKR_OK);
}

TEST_F(FaultModuleTest, CountsAndRecordsCallsOfEveryProcess) {
  const auto before = token_.faults().Calls("C_GenerateRandom");
  RandomRv();
  const pid_t child = fork();
  if (child == 0) {
    RandomRv();
    _exit(0);
  }
  waitpid(child, nullptr, 0);
  EXPECT_EQ(token_.faults().Calls("C_GenerateRandom"), before + 2);
  EXPECT_EQ(token_.faults().Calls("C_Login"), 1U);
  const auto last = token_.faults().Log().back();
  EXPECT_EQ(last.pid, child);
  EXPECT_EQ(last.function, "C_GenerateRandom");
}

TEST_F(FaultModuleTest, TellsWhatWasCalledBetweenTwoPoints) {
  const auto before = token_.faults().Calls();
  EXPECT_EQ(before.at("C_Login"), 1U);
  Encrypt(plain_);
  Encrypt(plain_);
  RandomRv();
  EXPECT_EQ(
      token_.faults().CallsSince(before),
      (FaultControl::CallCounts{{"C_EncryptInit", 2}, {"C_Encrypt", 2}, {"C_GenerateRandom", 1}}));
}

TEST(FaultControlTest, RefusesAFunctionThatPkcs11DoesNotHave) {
  const TempDir folder;
  FaultControl faults(folder / "faults");
  EXPECT_THROW(faults.Once("C_Decipher", CKR_OK), std::invalid_argument);
}

}  // namespace
}  // namespace mortise::test
