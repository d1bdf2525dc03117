// SPDX-License-Identifier: Apache-2.0
#include "hsm/token_group.h"

#include <gmock/gmock.h>

#include "test/support/matchers.h"
#include "test/unit/hsm/token_fixture.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;

// Two tokens with a worker each: the first wraps, the second proves.
class TokenGroupTest : public TokenTest {
 protected:
  TokenGroupTest() : wrapper_(ReadyWorker()), prover_(ReadyOther()) {}
  ~TokenGroupTest() override { other_.Stop(); }

  std::unique_ptr<FakeWorker> ReadyOther() {
    other_.Tick(Clock::now());
    auto worker = other_launcher_.Next();
    worker->ReceiveHello();
    worker->Ready();
    WaitFor([&] { return other_.Describe().is_ready; });
    return worker;
  }

  static KekByToken MakeKek() {
    const auto kek = std::make_shared<const std::string>("a KEK");
    return std::make_shared<const std::vector<std::shared_ptr<const std::string>>>(2, kek);
  }
  // Wraps; the first token's answer is there, the second is asked for the proof.
  std::optional<FakeWorker::Request> WrapUntilProof() {
    group_.WrapAndProve({0, 1}, MakeKek(), SecretBytes(Bytes(32, 0x5a)), call_,
                        [this](Outcome<std::string> outcome, std::size_t) {
                          promise_.set_value(std::move(outcome));
                        });
    const auto wrap = wrapper_->Receive();
    if (!wrap) return std::nullopt;
    wrapper_->Answer(*wrap, "envelope");
    return prover_->Receive();
  }
  // Why the wrap failed; kInternal is expected only where the prover said it.
  Reason Failure() {
    auto future = promise_.get_future();
    if (future.wait_for(5s) != std::future_status::ready) return Reason::kPermission;
    const Outcome<std::string> outcome = future.get();
    const Error* error = std::get_if<Error>(&outcome);
    return error != nullptr ? error->reason() : Reason::kPermission;
  }

  FakeLauncher other_launcher_;
  const config::Token other_settings_ = TokenNamed("hsm-b");
  Token other_{other_settings_, {.state_dir = "/nowhere"}, other_launcher_, events_};
  std::unique_ptr<FakeWorker> wrapper_, prover_;
  TokenGroup group_{{&token_, &other_}, {0, 0}, events_};
  const Call call_{.deadline = Clock::now() + 30s};
  std::promise<Outcome<std::string>> promise_;
};

TEST_F(TokenGroupTest, ComparesWhatTheOtherTokenOpens) {
  const auto proof = WrapUntilProof();
  ASSERT_TRUE(proof);
  prover_->Answer(*proof, std::string(32, 0x5b));
  EXPECT_EQ(Failure(), Reason::kProofFailed);
  EXPECT_EQ(events_.Count("proof_failed"), 1);
}

TEST_F(TokenGroupTest, RaisesNoAlarmForACallerThatGoesAway) {
  ASSERT_TRUE(WrapUntilProof());
  call_.cancelled->store(true);
  other_.Tick(Clock::now());
  EXPECT_EQ(Failure(), Reason::kCancelled);
  EXPECT_EQ(events_.Count("proof_failed"), 0);
}

class NoVerdictTest : public TokenGroupTest, public ::testing::WithParamInterface<Reason> {};

TEST_P(NoVerdictTest, IsPassedOnWithoutAnAlarm) {
  const auto proof = WrapUntilProof();
  ASSERT_TRUE(proof);
  prover_->Refuse(*proof, GetParam());
  EXPECT_EQ(Failure(), GetParam());
  EXPECT_EQ(events_.Count("proof_failed"), 0);
}

INSTANTIATE_TEST_SUITE_P(Reasons, NoVerdictTest,
                         ::testing::Values(Reason::kInternal, Reason::kPoisoned,
                                           Reason::kKeyRefused),
                         [](const auto& tested) { return std::string(Name(tested.param)); });

TEST_F(TokenGroupTest, RaisesAnAlarmWhenTheOtherTokenRefusesTheEnvelope) {
  const auto proof = WrapUntilProof();
  ASSERT_TRUE(proof);
  prover_->Refuse(*proof, Reason::kCiphertextRefused);
  EXPECT_EQ(Failure(), Reason::kProofFailed);
  EXPECT_EQ(events_.Count("proof_failed"), 1);
}

TEST_F(TokenGroupTest, ProvesOnTheFirstTokenWhereTheSecondCannot) {
  const auto proof = WrapUntilProof();
  ASSERT_TRUE(proof);
  prover_->Refuse(*proof, Reason::kUnavailable);
  const auto own_proof = wrapper_->Receive();
  ASSERT_TRUE(own_proof);
  wrapper_->Refuse(*own_proof, Reason::kProofFailed);
  EXPECT_EQ(Failure(), Reason::kProofFailed);
  EXPECT_EQ(events_.Count("not_redundant"), 1);
}

}  // namespace
}  // namespace mortise::hsm
