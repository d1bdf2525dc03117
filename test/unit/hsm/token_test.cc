// SPDX-License-Identifier: Apache-2.0
#include "hsm/token.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "test/support/matchers.h"
#include "test/unit/hsm/token_fixture.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;

TEST_F(TokenTest, AnswersWithWhatTheWorkerSays) {
  const auto worker = ReadyWorker();
  auto fate = Submit(MessageKind::kUnwrap);
  const auto request = worker->Receive();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->body, "a KEKinput");
  worker->Answer(*request, "seed");
  EXPECT_EQ(BodyOf(fate), "seed");
}

TEST_F(TokenTest, GivesASelfTestTheTimeOfAllItsOperations) {
  const auto worker = ReadyWorker();
  auto fate = Submit(MessageKind::kSelfTest, token_.TimeFor(MessageKind::kSelfTest) + 5s);
  const auto request = worker->Receive();
  ASSERT_TRUE(request);
  token_.Tick(Clock::now() + 10 * settings_.operation_timeout);
  EXPECT_TRUE(IsQuiet(*worker)) << "it was asked again, or checked upon";
  EXPECT_FALSE(IsOver(fate));
  worker->Answer(*request, {});
  EXPECT_FALSE(fate.get().error);
}

TEST_F(TokenTest, EndsASelfTestThatTakesTooLongAndDoesNotSendItAgain) {
  const auto worker = ReadyWorker();
  auto fate = Submit(MessageKind::kSelfTest, 10min);
  ASSERT_TRUE(worker->Receive());
  token_.Tick(Clock::now() + token_.TimeFor(MessageKind::kSelfTest) + 1s);
  EXPECT_EQ(ReasonOf(fate), Reason::kTimeout);
  const auto check = worker->Receive();
  ASSERT_TRUE(check);
  EXPECT_EQ(check->head.kind, MessageKind::kOpenCanary);
  EXPECT_TRUE(IsQuiet(*worker));
}

class UpkeepTest : public TokenTest, public ::testing::WithParamInterface<MessageKind> {};

TEST_P(UpkeepTest, IsNotSentAgainWhenTheTokenFailsIt) {
  const auto worker = ReadyWorker();
  for (const Reason reason : {Reason::kUnavailable, Reason::kSessionLost}) {
    auto fate = Submit(GetParam());
    const auto request = worker->Receive();
    ASSERT_TRUE(request);
    worker->Refuse(*request, reason);
    EXPECT_EQ(ReasonOf(fate), reason);
    EXPECT_TRUE(IsQuiet(*worker));
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, UpkeepTest,
                         ::testing::Values(MessageKind::kOpenCanary, MessageKind::kMakeCanary,
                                           MessageKind::kSelfTest));

TEST_F(TokenTest, SendsACallersRequestAgainWhenASessionIsLost) {
  const auto worker = ReadyWorker();
  auto fate = Submit(MessageKind::kUnwrap);
  const auto first = worker->Receive();
  ASSERT_TRUE(first);
  worker->Refuse(*first, Reason::kSessionLost);
  const auto second = worker->Receive();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->head.attempt, 2);
  worker->Answer(*second, "seed");
  EXPECT_EQ(BodyOf(fate), "seed");
}

TEST_F(TokenTest, SaysThatTheWorkerWasLostWhereAnotherTokenCanDoIt) {
  const auto worker = ReadyWorker();
  auto fate = Submit(MessageKind::kUnwrap, 30s, true);
  ASSERT_TRUE(worker->Receive());
  worker->Say(MessageKind::kSick);
  ASSERT_TRUE(WaitFor([&] { return !token_.Describe().is_ready; }));
  token_.Tick(Clock::now());
  EXPECT_EQ(ReasonOf(fate), Reason::kWorkerLost);
}

TEST_F(TokenTest, SaysThatTheWorkerWasLostWhenItDiedAtTheLastMoment) {
  const auto worker = ReadyWorker();
  auto fate = Submit(MessageKind::kUnwrap, kShortestAttempt - 1ms);
  ASSERT_TRUE(worker->Receive());
  worker->End();
  EXPECT_EQ(ReasonOf(fate), Reason::kWorkerLost);
}

TEST_F(TokenTest, SaysThatTheWorkerWasLostWhenNoOtherCameInTime) {
  const auto worker = ReadyWorker();
  auto fate = Submit(MessageKind::kUnwrap);
  ASSERT_TRUE(worker->Receive());
  worker->End();
  ASSERT_TRUE(WaitFor([&] { return events_.Count("worker_exited") == 1; }));
  token_.Tick(Clock::now() + 1h);
  EXPECT_EQ(ReasonOf(fate), Reason::kWorkerLost);
}

TEST_F(TokenTest, TakesManyRepliesAndSendsTheNextRequestsInTheirOrder) {
  constexpr std::size_t kCalls = 40;
  const auto worker = ReadyWorker(4);
  std::vector<std::future<Fate>> fates;
  for (std::size_t i = 0; i < kCalls; ++i) fates.push_back(Submit(MessageKind::kUnwrap));
  std::uint64_t last_id = 0;
  for (std::size_t round = 0; round < kCalls / 8; ++round) {
    std::vector<FakeWorker::Request> requests;
    for (int i = 0; i < 8; ++i) {
      const auto request = worker->Receive();
      ASSERT_TRUE(request);
      EXPECT_GT(request->head.id, last_id);
      last_id = request->head.id;
      requests.push_back(*request);
    }
    EXPECT_TRUE(IsQuiet(*worker)) << "more than two a session";
    for (const auto& request : requests) worker->Answer(request, std::to_string(request.head.id));
  }
  for (auto& fate : fates) EXPECT_FALSE(fate.get().error);
}

TEST_F(TokenTest, TakesWhatAWorkerSaidBeforeItEndedWithoutReadingItsRequests) {
  const auto worker = ReadyWorker(2);
  auto answered = Submit(MessageKind::kUnwrap);
  const auto request = worker->Receive();
  ASSERT_TRUE(request);
  auto unread = Submit(MessageKind::kUnwrap);
  worker->Answer(*request, "seed");
  worker->End();
  EXPECT_EQ(BodyOf(answered), "seed");
  EXPECT_FALSE(IsOver(unread));
}

TEST_F(TokenTest, ReplacesAWorkerWhoseReplyIsToOtherBytes) {
  const auto worker = ReadyWorker();
  auto fate = Submit(MessageKind::kUnwrap);
  const auto request = worker->Receive();
  ASSERT_TRUE(request);
  ReplyHead reply = FakeWorker::ReplyTo(*request);
  reply.digest[15] ^= 1;
  worker->Send(reply, "another's seed");
  ASSERT_TRUE(WaitFor([&] { return events_.Count("worker_sick", "another request") == 1; }));
  EXPECT_FALSE(IsOver(fate));
  const auto successor = ReadyWorker();
  EXPECT_TRUE(worker->WasKilled());
  const auto again = successor->Receive();
  ASSERT_TRUE(again);
  successor->Answer(*again, "seed");
  EXPECT_EQ(BodyOf(fate), "seed");
}

TEST_F(TokenTest, DoesNotSendForEverWhatIsRefusedAtOnce) {
  const auto worker = ReadyWorker();
  std::future<Fate> fate = Submit(MessageKind::kWrap);
  int attempts = 0;
  while (const auto request = worker->Receive(200ms)) {
    worker->Refuse(*request, Reason::kUnavailable);
    if (++attempts > 10) break;
  }
  EXPECT_GT(attempts, 1);
  EXPECT_LT(attempts, 10);
  EXPECT_EQ(ReasonOf(fate), Reason::kUnavailable);
}

// Holds the reader of a token that is told to stop, until it has stopped.
class StoppingObserver final : public Observer {
 public:
  void OnEvent(const Event& event) override {
    if (event.name != "worker_sick") return;
    auto probe = std::make_shared<Operation>();
    probe->deadline = Clock::now() + 30s;
    auto is_ended = std::make_shared<std::promise<void>>();
    probe->done = [is_ended](const OperationReply&) { is_ended->set_value(); };
    token_->Submit(std::move(probe));
    is_held_.set_value();
    is_ended->get_future().wait();
  }
  void Watch(Token& token) { token_ = &token; }
  void WaitUntilHeld() { is_held_.get_future().wait(); }

 private:
  Token* token_ = nullptr;
  std::promise<void> is_held_;
};

TEST_F(TokenTest, AnswersWhatComesBackAfterItsEnd) {
  StoppingObserver observer;
  Token token(TokenNamed("hsm-b"), {.state_dir = "/nowhere"}, launcher_, observer);
  observer.Watch(token);
  token.Tick(Clock::now());
  const auto worker = launcher_.Next();
  worker->ReceiveHello();
  worker->Ready();
  auto operation = std::make_shared<Operation>();
  operation->kek = std::make_shared<const std::string>("a KEK");
  operation->deadline = Clock::now() + 30s;
  auto reason = std::make_shared<std::promise<Reason>>();
  operation->done = [reason](const OperationReply& reply) {
    reason->set_value(reply.error->reason());
  };
  token.Submit(std::move(operation));
  const auto request = worker->Receive();
  ASSERT_TRUE(request.has_value());
  ReplyHead reply = FakeWorker::ReplyTo(*request);
  reply.digest[0] ^= 1;
  worker->Send(reply);
  observer.WaitUntilHeld();
  token.Stop();
  std::future<Reason> answer = reason->get_future();
  ASSERT_EQ(answer.wait_for(5s), std::future_status::ready);
  EXPECT_EQ(answer.get(), Reason::kUnavailable);
}

TEST_F(TokenTest, TellsOfAReplyThatBelongsToNoRequest) {
  const auto worker = ReadyWorker();
  worker->Send({.id = 12345});
  EXPECT_TRUE(WaitFor([&] { return events_.Count("worker_sick", "no request") == 1; }));
}

TEST_F(TokenTest, ReplacesAWorkerThatDoesNotTakeItsMessages) {
  const auto worker = ReadyWorker(10000);
  std::vector<std::future<Fate>> fates;
  // More than the channel holds.
  for (int i = 0; i < 10000 && events_.Count("worker_sick") == 0; ++i)
    fates.push_back(Submit(MessageKind::kUnwrap));
  EXPECT_EQ(events_.Count("worker_sick", "take its messages"), 1);
}

TEST_F(TokenTest, ReadsOnAThreadNamedForThat) {
  const auto worker = ReadyWorker();
  int readers = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::ifstream(task.path() / "comm") >> name;
    readers += name == "token-reader" ? 1 : 0;
  }
  EXPECT_EQ(readers, 1);
}

}  // namespace
}  // namespace mortise::hsm
