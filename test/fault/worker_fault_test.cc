// SPDX-License-Identifier: Apache-2.0
// How a worker judges what its token answers.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "base/file.h"
#include "hsm/scheme/key_label.h"
#include "test/fault/spoken_worker.h"
#include "test/support/key_maker.h"
#include "test/support/matchers.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;
using test::MakeKey;
using test::SoftHsmToken;
using test::SpokenWorker;

constexpr std::uint64_t kGeneralError = 5;
constexpr std::uint64_t kFunctionFailed = 6;
constexpr std::uint64_t kEncryptedDataInvalid = 0x40;
constexpr std::uint64_t kFunctionNotSupported = 0x54;
constexpr std::uint64_t kSessionCount = 0xb1;
constexpr std::uint64_t kDeviceRemoved = 0x32;

// A worker on a token with one KEK, and that KEK's canary.
class WorkerFaultTest : public ::testing::Test {
 protected:
  WorkerFaultTest() : key_id_(MakeKey(token_, {.cka_id = "0123456789abcdef"})), worker_(token_) {
    worker_.WaitForSessions(4);
    const InventoryPage page =
        InventoryPage::Decode(worker_.Ask(MessageKind::kInventory, std::string(2, '\0')).body);
    kek_ = {.label = page.entries.at(0).label,
            .cka_id = page.entries.at(0).cka_id,
            .keyring = "prod",
            .context = "cluster-a",
            .key_id = key_id_,
            .canary = {}};
    const std::string made = worker_.Ask(MessageKind::kMakeCanary, kek_.Encode()).body;
    std::copy_n(made.begin(), sizeof(Digest), kek_.canary_proof.begin());
    kek_.canary = made.substr(sizeof(Digest));
    envelope_ = worker_.Ask(MessageKind::kWrapAndProve, kek_.Encode() + seed_).body;
  }

  // So that no proof within the last second speaks for the key.
  static void LetProofsAge() { std::this_thread::sleep_for(1100ms); }

  std::string Flipped() const {
    std::string bad = envelope_;
    bad.back() = static_cast<char>(bad.back() ^ 1);
    return bad;
  }
  SpokenWorker::Message Unwrap(const std::string& envelope) {
    return worker_.Ask(MessageKind::kUnwrap, kek_.Encode() + envelope);
  }
  std::vector<SpokenWorker::Message> UnwrapFourTimes(const std::string& envelope) {
    for (int i = 0; i < 4; ++i) worker_.Send(MessageKind::kUnwrap, kek_.Encode() + envelope);
    return worker_.Replies(4);
  }
  test::FaultControl& faults() { return token_.faults(); }

  SoftHsmToken token_;
  std::string key_id_;
  SpokenWorker worker_;
  KekReference kek_;
  const std::string seed_ = std::string(32, 'z');
  std::string envelope_;
};

TEST_F(WorkerFaultTest, RefusesBadCiphertextsThatArriveTogetherAndStaysWell) {
  faults().Delay("C_Decrypt", 20ms);
  LetProofsAge();
  for (const SpokenWorker::Message& reply : UnwrapFourTimes(Flipped())) {
    EXPECT_EQ(reply.head.reason, Reason::kCiphertextRefused) << reply.body;
  }
  EXPECT_EQ(worker_.Heard(MessageKind::kSick), 0);
}

TEST_F(WorkerFaultTest, CallsNoGoodCiphertextBadWhenTheTokenBreaks) {
  LetProofsAge();
  Unwrap(Flipped());  // the canary opened
  LetProofsAge();
  faults().Delay("C_Decrypt", 20ms);
  faults().Answer("C_Decrypt", kGeneralError);
  for (const SpokenWorker::Message& reply : UnwrapFourTimes(envelope_)) {
    EXPECT_EQ(reply.head.reason, Reason::kUnavailable) << reply.body;
  }
  EXPECT_GE(worker_.Heard(MessageKind::kSick), 1);
}

TEST_F(WorkerFaultTest, AsksTheCanaryOnceForManyBadCiphertexts) {
  faults().Delay("C_Decrypt", 20ms);
  LetProofsAge();
  const std::uint64_t before = faults().Calls("C_Decrypt");
  UnwrapFourTimes(Flipped());
  EXPECT_EQ(faults().Calls("C_Decrypt"), before + 4 + 1);
}

TEST_F(WorkerFaultTest, SaysThatAWrapDoesNotOpen) {
  faults().Corrupt("C_Encrypt");  // which this token answers with an ambiguous code
  EXPECT_EQ(worker_.Ask(MessageKind::kWrapAndProve, kek_.Encode() + seed_).head.reason,
            Reason::kProofFailed);
  faults().Clear();
  faults().Corrupt("C_Decrypt");
  EXPECT_EQ(worker_.Ask(MessageKind::kWrapAndProve, kek_.Encode() + seed_).head.reason,
            Reason::kProofFailed);
  EXPECT_EQ(worker_.Ask(MessageKind::kSelfTest, kek_.Encode()).head.reason, Reason::kProofFailed);
}

TEST_F(WorkerFaultTest, NeverCallsAnEncryptARefusedCiphertext) {
  for (const std::string function : {"C_Decrypt", "C_Encrypt"}) {
    faults().Answer(function, kEncryptedDataInvalid);
    EXPECT_NE(worker_.Ask(MessageKind::kWrapAndProve, kek_.Encode() + seed_).head.reason,
              Reason::kCiphertextRefused);
    faults().Clear();
  }
}

TEST_F(WorkerFaultTest, BlamesTheTokenWhenNothingOpensAnyMore) {
  LetProofsAge();
  faults().Answer("C_Decrypt", kGeneralError);
  EXPECT_EQ(worker_.Ask(MessageKind::kWrapAndProve, kek_.Encode() + seed_).head.reason,
            Reason::kUnavailable);
  EXPECT_EQ(worker_.Heard(MessageKind::kSick), 1);
}

TEST_F(WorkerFaultTest, CallsNoFailureOfTheTokensOwnADefect) {
  faults().Answer("C_Encrypt", kGeneralError);
  const SpokenWorker::Message reply =
      worker_.Ask(MessageKind::kWrapAndProve, kek_.Encode() + seed_);
  EXPECT_EQ(reply.head.reason, Reason::kUnavailable);
  EXPECT_EQ(reply.head.ckr, kGeneralError);
  EXPECT_EQ(worker_.Heard(MessageKind::kSick), 0) << "it goes on opening what there is";
  faults().Clear();
  EXPECT_EQ(Unwrap(envelope_).body, seed_);
}

TEST_F(WorkerFaultTest, TakesNoAmbiguousCodeForAVerdictOnAKey) {
  faults().Once("C_Decrypt", kFunctionFailed);
  const ReplyHead head = worker_.Ask(MessageKind::kSelfTest, kek_.Encode()).head;
  EXPECT_EQ(head.reason, Reason::kUnavailable);
  EXPECT_EQ(head.ckr, kFunctionFailed);
}

TEST_F(WorkerFaultTest, TakesADefiniteRefusalForAVerdictOnAKey) {
  faults().Answer("C_Decrypt", kEncryptedDataInvalid);
  EXPECT_EQ(worker_.Ask(MessageKind::kSelfTest, kek_.Encode()).head.reason, Reason::kProofFailed);
}

TEST_F(WorkerFaultTest, PassesTheSelfTestOnAGoodToken) {
  const SpokenWorker::Message reply = worker_.Ask(MessageKind::kSelfTest, kek_.Encode());
  EXPECT_EQ(reply.head.failed, 0) << reply.body;
}

TEST_F(WorkerFaultTest, TakesNoDeviceThatIsGoneForARefusalInTheSelfTest) {
  // The first C_Decrypt proves the wrap, the second is the first that shall be refused.
  for (const std::uint64_t rv : {kDeviceRemoved, kSessionCount}) {
    faults().Once("C_Decrypt", 0);
    faults().Once("C_Decrypt", rv);
    EXPECT_EQ(worker_.Ask(MessageKind::kSelfTest, kek_.Encode()).head.ckr, rv);
    faults().Clear();
  }
}

TEST_F(WorkerFaultTest, LivesOnAndSaysSoWhenNoSessionIsToBeHad) {
  LetProofsAge();
  // The session is renewed after the failure; then there is none to renew it with after
  // the canary's own.
  faults().Answer("C_Decrypt", kGeneralError);
  faults().Once("C_OpenSession", 0);
  faults().Once("C_OpenSession", kSessionCount);
  EXPECT_EQ(Unwrap(envelope_).head.reason, Reason::kSessionLost);
  EXPECT_EQ(worker_.Heard(MessageKind::kSick), 1);
  faults().Clear();
  // Once more, as a front does, for the thread whose session is spoilt may answer first.
  auto answer = Unwrap(envelope_);
  if (answer.head.reason == Reason::kSessionLost) answer = Unwrap(envelope_);
  EXPECT_EQ(answer.body, seed_);
}

TEST_F(WorkerFaultTest, DoesNotAskToHaveACanarySentAgainWhereNothingCanTellWhy) {
  faults().Answer("C_Decrypt", kGeneralError);
  faults().Answer("C_GenerateKey", kFunctionNotSupported);
  const Reason reason = worker_.Ask(MessageKind::kOpenCanary, kek_.Encode()).head.reason;
  EXPECT_NE(reason, Reason::kUnavailable);
  EXPECT_NE(reason, Reason::kSessionLost);
  EXPECT_NE(reason, Reason::kCiphertextRefused);
  EXPECT_EQ(worker_.Heard(MessageKind::kSick), 0);
}

// --- starting ---

class StartingWorkerTest : public ::testing::Test {
 protected:
  // A file where a folder must be: the latch can write no record, whoever runs this.
  void ForbidRecords() { WriteFileAtomically(token_.folder() + "/pin-latch", "x"); }

  SoftHsmToken token_;
};

TEST_F(StartingWorkerTest, SaysBeforeItLogsInThatNoRecordIsKept) {
  ForbidRecords();
  const SpokenWorker worker(token_);
  EXPECT_EQ(worker.started().head.kind, MessageKind::kReady) << worker.started().body;
  EXPECT_EQ(worker.Heard(MessageKind::kLoginBegins), 1);
}

TEST_F(StartingWorkerTest, SaysNothingOfALoginThatIsRecorded) {
  std::filesystem::create_directory(token_.folder() + "/pin-latch");
  const SpokenWorker worker(token_);
  EXPECT_EQ(worker.started().head.kind, MessageKind::kReady) << worker.started().body;
  EXPECT_EQ(worker.Heard(MessageKind::kLoginBegins), 0);
}

TEST_F(StartingWorkerTest, BlamesTheTokenForAnAmbiguousCode) {
  token_.faults().Answer("C_OpenSession", kGeneralError);
  const SpokenWorker worker(token_);
  EXPECT_EQ(worker.started().head.kind, MessageKind::kFailed);
  EXPECT_EQ(worker.started().head.reason, Reason::kUnavailable);
  EXPECT_EQ(worker.started().head.ckr, kGeneralError);
}

TEST_F(StartingWorkerTest, SaysWhichPinWasRejectedAndWhatToDo) {
  const std::string pin_file = token_.folder() + "/wrong-pin";
  WriteFileAtomically(pin_file, "7391846\n", 0400);
  const SpokenWorker worker(token_, [&](Hello& hello) {
    hello.pin_file = pin_file;
    hello.token_name = "hsm-a.admin";
  });
  EXPECT_EQ(worker.started().head.reason, Reason::kPinRejected);
  for (const std::string& part :
       {std::string("hsm-a.admin"), pin_file, std::string("CKR_PIN_INCORRECT"),
        "do not retry: put the right PIN into " + pin_file})
    EXPECT_THAT(worker.started().body, testing::HasSubstr(part));
  EXPECT_THAT(worker.started().body, testing::Not(testing::HasSubstr("7391846")));
}

TEST_F(StartingWorkerTest, WaitsForAnotherLoginWhereNoRecordIsKept) {
  ForbidRecords();
  const SpokenWorker worker(
      token_, [](Hello& hello) { hello.unrecorded_login = UnrecordedLogin::kNotNow; });
  EXPECT_EQ(worker.started().head.reason, Reason::kBusy);
  EXPECT_EQ(token_.faults().Calls("C_Login"), 0U);
}

TEST_F(StartingWorkerTest, SendsNoEmptyPin) {
  const std::string pin_file = token_.folder() + "/empty-pin";
  WriteFileAtomically(pin_file, "\n", 0400);
  const SpokenWorker worker(token_, [&](Hello& hello) { hello.pin_file = pin_file; });
  EXPECT_EQ(worker.started().head.kind, MessageKind::kFailed);
  EXPECT_EQ(worker.started().head.reason, Reason::kConfig);
  EXPECT_THAT(worker.started().body, testing::HasSubstr(pin_file));
  EXPECT_EQ(token_.faults().Calls("C_Login"), 0U);
}

}  // namespace
}  // namespace mortise::hsm
