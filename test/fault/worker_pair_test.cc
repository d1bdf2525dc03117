// SPDX-License-Identifier: Apache-2.0
// How a worker judges what its token answers for a KEK of two objects.
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "test/fault/spoken_worker.h"
#include "test/support/key_maker.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;
using test::KeyToMake;
using test::MakeKey;
using test::MakeObject;
using test::SoftHsmToken;
using test::SpokenWorker;

constexpr std::uint64_t kDataLenRange = 0x21;
constexpr std::uint64_t kEncryptedDataInvalid = 0x40;
constexpr std::uint64_t kGeneralError = 5;

// A worker on a token with one KEK of scheme aes-cbc-hmac, and that KEK's canary.
class WorkerPairTest : public ::testing::Test {
 protected:
  WorkerPairTest() : key_id_(MakeKey(token_, key_)), worker_(token_) {
    kek_ = {.label = test::LabelOf(key_),
            .cka_id = key_.cka_id,
            .authenticator_label = test::LabelOf(key_, KeyRole::kMac),
            .authenticator_id = key_.authenticator_id,
            .keyring = "prod",
            .context = "cluster-a",
            .key_id = key_id_,
            .canary = {},
            .scheme = key_.scheme};
    const std::string made = Ask(MessageKind::kMakeCanary).body;
    std::copy_n(made.begin(), sizeof(Digest), kek_.canary_proof.begin());
    kek_.canary = made.substr(sizeof(Digest));
    envelope_ = Ask(MessageKind::kWrapAndProve, seed_).body;
  }

  // So that no proof within the last second speaks for the key.
  static void LetProofsAge() { std::this_thread::sleep_for(1100ms); }

  SpokenWorker::Message Ask(MessageKind kind, const std::string& input = {}) {
    return worker_.Ask(kind, kek_.Encode() + input);
  }
  SpokenWorker::Message Unwrap(const std::string& envelope) {
    return Ask(MessageKind::kUnwrap, envelope);
  }
  InventoryPage Rescan() {
    return InventoryPage::Decode(
        worker_.Ask(MessageKind::kInventory, InventoryRequest().Encode()).body);
  }
  void ExpectStillWell() {
    EXPECT_EQ(worker_.Heard(MessageKind::kSick), 0);
    EXPECT_EQ(Unwrap(envelope_).body, seed_);
  }
  test::FaultControl& faults() { return token_.faults(); }

  SoftHsmToken token_;
  KeyToMake key_ = {.cka_id = "0123456789abcdef",
                    .scheme = SchemeId::kAesCbcHmac,
                    .authenticator_id = "fedcba9876543210"};
  std::string key_id_;
  SpokenWorker worker_;
  KekReference kek_;
  const std::string seed_ = std::string(32, 'z');
  std::string envelope_;
};

TEST_F(WorkerPairTest, OpensWhatItWrappedAndPassesItsSelfTest) {
  EXPECT_EQ(Unwrap(envelope_).body, seed_);
  EXPECT_EQ(Ask(MessageKind::kOpenCanary).head.failed, 0);
  const SpokenWorker::Message tested = Ask(MessageKind::kSelfTest);
  EXPECT_EQ(tested.head.failed, 0) << tested.body;
}

TEST_F(WorkerPairTest, RefusesAWrongTagWithoutAskingForTheWrapKeyOrTheCanary) {
  LetProofsAge();
  const std::uint64_t before = faults().Calls("C_Decrypt");
  const std::uint64_t signatures = faults().Calls("C_Sign");
  for (const std::size_t at : {std::size_t{4}, std::size_t{25}, envelope_.size() - 1}) {
    std::string bad = envelope_;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    EXPECT_EQ(Unwrap(bad).head.reason, Reason::kCiphertextRefused);
  }
  EXPECT_EQ(faults().Calls("C_Decrypt"), before);
  EXPECT_EQ(faults().Calls("C_Sign"), signatures + 3);
  ExpectStillWell();
}

TEST_F(WorkerPairTest, AsksTheCanaryWhatAFailedMacOfAnUnwrapMeans) {
  LetProofsAge();
  faults().Answer("C_Sign", kDataLenRange);
  EXPECT_EQ(Unwrap(envelope_).head.reason, Reason::kUnavailable) << "no verdict on the ciphertext";
  EXPECT_EQ(worker_.Heard(MessageKind::kSick), 1);
}

TEST_F(WorkerPairTest, AsksTheCanaryWhatAFailedDecryptionMeans) {
  for (const std::uint64_t ckr : {kEncryptedDataInvalid, kGeneralError}) {
    LetProofsAge();
    const int sick = worker_.Heard(MessageKind::kSick);
    faults().Answer("C_Decrypt", ckr);
    EXPECT_EQ(Unwrap(envelope_).head.reason, Reason::kUnavailable);
    EXPECT_EQ(worker_.Heard(MessageKind::kSick), sick + 1);
    faults().Clear();
  }
}

TEST_F(WorkerPairTest, RefusesTheCanaryOfAnotherMacObject) {
  MakeObject(token_, kek_.authenticator_label, "another-mac-key!", "mac");
  Rescan();
  kek_.authenticator_id = "another-mac-key!";
  EXPECT_EQ(Ask(MessageKind::kOpenCanary).head.reason, Reason::kCiphertextRefused);
  EXPECT_EQ(Unwrap(envelope_).head.reason, Reason::kCiphertextRefused);
  kek_.authenticator_id = key_.authenticator_id;
  ExpectStillWell();
}

TEST_F(WorkerPairTest, TellsTwoMacObjectsOfOneNameApartByTheCanary) {
  MakeObject(token_, kek_.authenticator_label, kek_.authenticator_id, "mac");
  MakeObject(token_, kek_.label, kek_.cka_id, "aes-cbc");
  EXPECT_EQ(Rescan().entries.size(), 4U);
  EXPECT_EQ(Unwrap(envelope_).body, seed_);
  SpokenWorker successor(token_);
  EXPECT_EQ(successor.Ask(MessageKind::kUnwrap, kek_.Encode() + envelope_).body, seed_)
      << "which knows nothing of what was opened before";
}

TEST_F(WorkerPairTest, PassesOverAnObjectOfAnotherKindUnderItsName) {
  MakeObject(token_, kek_.label, kek_.cka_id, "rsa");
  MakeObject(token_, kek_.authenticator_label, kek_.authenticator_id, "aes-gcm");
  EXPECT_EQ(Rescan().entries.size(), 4U);
  SpokenWorker successor(token_);
  kek_.canary.clear();
  EXPECT_EQ(successor.Ask(MessageKind::kUnwrap, kek_.Encode() + envelope_).body, seed_);
}

TEST_F(WorkerPairTest, MissesAKekWhoseMacObjectIsNotThere) {
  kek_.authenticator_id = "there-is-no-such";
  const SpokenWorker::Message reply = Unwrap(envelope_);
  EXPECT_EQ(reply.head.reason, Reason::kKeyMissing);
  EXPECT_NE(reply.body.find(kek_.authenticator_label), std::string::npos) << reply.body;
}

TEST_F(WorkerPairTest, FindsObjectsOfAnyNameThatItIsAskedFor) {
  MakeObject(token_, "ceremony", "ceremony-wrap-id", "aes-cbc");
  MakeObject(token_, "ceremony-mac", "ceremony-mac--id", "mac");
  kek_.label = "ceremony";
  kek_.cka_id = "ceremony-wrap-id";
  kek_.authenticator_label = "ceremony-mac";
  kek_.authenticator_id = "ceremony-mac--id";
  kek_.canary.clear();
  const std::string envelope = Ask(MessageKind::kWrapAndProve, seed_).body;
  EXPECT_EQ(Unwrap(envelope).body, seed_);
}

}  // namespace
}  // namespace mortise::hsm
