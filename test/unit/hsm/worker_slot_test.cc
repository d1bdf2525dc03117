// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/worker_slot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "test/support/child_process.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;
using State = TokenWorker::State;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

// Its times are passed in; only the processes behind the workers are real.
class WorkerSlotTest : public ::testing::Test {
 protected:
  ~WorkerSlotTest() override {
    for (const auto& worker : workers_) worker->Kill();
  }

  std::shared_ptr<TokenWorker> MakeWorker() {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) std::abort();
    const UniqueFd far_end(ends[1]);
    children_.push_back(
        std::make_unique<test::ChildProcess>(std::vector<std::string>{"/bin/sleep", "600"}));
    workers_.push_back(std::make_shared<TokenWorker>(
        LaunchedWorker{.pid = children_.back()->pid(), .channel = UniqueFd(ends[0])}, 7, 4,
        TokenWorker::Listener{}));
    return workers_.back();
  }

  std::shared_ptr<TokenWorker> InstallWorker(State state) {
    auto worker = MakeWorker();
    worker->set_state(state);
    slot_.Install(worker);
    return worker;
  }

  // An operation that gets no answer within its attempt.
  void Miss(TokenWorker& worker) {
    worker.Begin(std::make_shared<Operation>(), now_, 0s);
    worker.TakeMissed(now_);
  }
  // The check that follows it, not answered either.
  void MissTheCheckToo(TokenWorker& worker) {
    Miss(worker);
    worker.BeginCheck(std::make_shared<Operation>(), now_, 0s);
    worker.TakeMissed(now_);
  }

  // How long after `from` the slot asks for a worker, to 10 ms.
  Clock::duration WaitForStart(Clock::time_point from) {
    for (Clock::duration wait = 0s; wait < 20s; wait += 10ms) {
      if (slot_.Tick(from + wait).start) return wait;
    }
    return Clock::duration::max();
  }

  config::Token settings_;
  WorkerSlot slot_{settings_, StartReason::kFirst};
  std::vector<std::unique_ptr<test::ChildProcess>> children_;  // outlive the workers
  std::vector<std::shared_ptr<TokenWorker>> workers_;
  const Clock::time_point now_ = Clock::now();
};

TEST_F(WorkerSlotTest, AsksForItsFirstWorkerAtOnce) {
  EXPECT_THAT(slot_.Tick(now_).start, Optional(StartReason::kFirst));
}

TEST_F(WorkerSlotTest, AsksForNoOtherWhileOneStarts) {
  InstallWorker(State::kStarting);
  const auto orders = slot_.Tick(now_ + settings_.start_timeout);
  EXPECT_FALSE(orders.start);
  EXPECT_THAT(orders.bury, IsEmpty());
  EXPECT_FALSE(slot_.is_ready());
}

TEST_F(WorkerSlotTest, BuriesAWorkerThatStartsTooSlowly) {
  const auto worker = InstallWorker(State::kStarting);
  const auto orders = slot_.Tick(worker->started() + settings_.start_timeout + 1ms);
  EXPECT_THAT(orders.bury, ElementsAre(worker));
  EXPECT_TRUE(orders.has_late_start);
  EXPECT_FALSE(orders.start);
  EXPECT_EQ(slot_.current(), nullptr);
}

TEST_F(WorkerSlotTest, LeavesAReadyWorkerAlone) {
  const auto worker = InstallWorker(State::kReady);
  const auto orders = slot_.Tick(now_ + 1h);
  EXPECT_FALSE(orders.start);
  EXPECT_THAT(orders.bury, IsEmpty());
  EXPECT_EQ(slot_.current(), worker);
}

TEST_F(WorkerSlotTest, SaysWhetherTheLastOneExitedOrAskedToBeReplaced) {
  InstallWorker(State::kEnding);
  EXPECT_FALSE(slot_.Tick(now_).start);
  EXPECT_THAT(slot_.Tick(now_ + 1s).start, Optional(StartReason::kExited));
  InstallWorker(State::kReady)->MarkSick();
  EXPECT_FALSE(slot_.Tick(now_).start);
  EXPECT_THAT(slot_.Tick(now_ + 1s).start, Optional(StartReason::kSick));
}

TEST_F(WorkerSlotTest, WaitsTwiceAsLongAfterEachFailureUpToTenSeconds) {
  double nominal = 0.1;
  for (int failure = 0; failure < 10; ++failure) {
    InstallWorker(State::kEnding);
    const Clock::time_point ended = now_ + failure * 60s;
    EXPECT_FALSE(slot_.Tick(ended).start);
    const double waited = std::chrono::duration<double>(WaitForStart(ended)).count();
    EXPECT_GE(waited, 0.8 * nominal) << failure;
    EXPECT_LE(waited, 1.2 * nominal + 0.011) << failure;
    nominal = std::min(10.0, 2 * nominal);
  }
}

TEST_F(WorkerSlotTest, BacksOffWhenNoProcessCouldBeMade) {
  slot_.StartFailed(now_);
  EXPECT_FALSE(slot_.Tick(now_ + 79ms).start);
  EXPECT_THAT(slot_.Tick(now_ + 121ms).start, Optional(StartReason::kFirst));
}

TEST_F(WorkerSlotTest, ForgetsFailuresOnceAWorkerServedForAWhile) {
  for (int failure = 0; failure < 5; ++failure) slot_.StartFailed(now_);
  const auto worker = InstallWorker(State::kReady);
  worker->set_state(State::kEnding);
  const Clock::time_point ended = worker->started() + 6s;
  slot_.Tick(ended);
  EXPECT_LE(WaitForStart(ended), 130ms);
}

TEST_F(WorkerSlotTest, RemembersFailuresWhenAWorkerDiesAsSoonAsItServes) {
  for (int failure = 0; failure < 5; ++failure) slot_.StartFailed(now_);
  const auto worker = InstallWorker(State::kReady);
  worker->set_state(State::kEnding);
  const Clock::time_point ended = worker->started() + 1s;
  slot_.Tick(ended);
  EXPECT_GE(WaitForStart(ended), 2s);
}

TEST_F(WorkerSlotTest, RemembersFailuresWhenAWorkerNeverServed) {
  for (int failure = 0; failure < 5; ++failure) slot_.StartFailed(now_);
  const auto worker = InstallWorker(State::kEnding);
  const Clock::time_point ended = worker->started() + 60s;
  slot_.Tick(ended);
  EXPECT_GE(WaitForStart(ended), 2s);
}

TEST_F(WorkerSlotTest, GivesAHungWorkerUntilTheHangLimit) {
  const auto worker = InstallWorker(State::kReady);
  MissTheCheckToo(*worker);
  ASSERT_EQ(worker->state(), State::kHung);
  EXPECT_FALSE(slot_.is_ready());
  const auto orders = slot_.Tick(now_ + settings_.hang_limit - 1ms);
  EXPECT_FALSE(orders.start);
  EXPECT_THAT(orders.bury, IsEmpty());
}

TEST_F(WorkerSlotTest, BuriesAHungWorkerAndStartsAnotherInTheSameInstant) {
  const auto worker = InstallWorker(State::kReady);
  MissTheCheckToo(*worker);
  const auto orders = slot_.Tick(now_ + settings_.hang_limit);
  EXPECT_THAT(orders.bury, ElementsAre(worker));
  EXPECT_THAT(orders.start, Optional(StartReason::kHung));
}

TEST_F(WorkerSlotTest, StartsASuccessorFirstWhereOneSessionIsStuckAndOthersServe) {
  const auto stuck = InstallWorker(State::kReady);
  Miss(*stuck);
  const auto orders = slot_.Tick(now_ + settings_.hang_limit);
  EXPECT_THAT(orders.start, Optional(StartReason::kHung));
  EXPECT_THAT(orders.bury, IsEmpty());
  EXPECT_EQ(slot_.current(), stuck);

  const auto successor = InstallWorker(State::kStarting);
  const auto waiting = slot_.Tick(now_ + settings_.hang_limit + 1s);
  EXPECT_FALSE(waiting.start);
  EXPECT_THAT(waiting.bury, IsEmpty());
  EXPECT_EQ(slot_.current(), stuck);
  EXPECT_THAT(slot_.workers(), ElementsAre(stuck, successor));

  successor->set_state(State::kReady);
  EXPECT_THAT(slot_.Tick(now_ + settings_.hang_limit + 2s).bury, ElementsAre(stuck));
  EXPECT_EQ(slot_.current(), successor);
}

TEST_F(WorkerSlotTest, KeepsTheOldOneWhenItsSuccessorFailsAndTriesAgainLater) {
  const auto stuck = InstallWorker(State::kReady);
  Miss(*stuck);
  const Clock::time_point limit = now_ + settings_.hang_limit;
  slot_.Tick(limit);
  const auto successor = InstallWorker(State::kEnding);
  const auto orders = slot_.Tick(limit);
  EXPECT_THAT(orders.bury, ElementsAre(successor));
  EXPECT_FALSE(orders.start);
  EXPECT_EQ(slot_.current(), stuck);
  EXPECT_THAT(slot_.Tick(limit + 1s).start, Optional(StartReason::kHung));
}

TEST_F(WorkerSlotTest, PutsTheSuccessorInPlaceOfAWorkerThatEnds) {
  const auto old_one = InstallWorker(State::kReady);
  const auto successor = InstallWorker(State::kStarting);
  old_one->set_state(State::kEnding);
  const auto orders = slot_.Tick(now_);
  EXPECT_THAT(orders.bury, ElementsAre(old_one));
  EXPECT_FALSE(orders.start);
  EXPECT_EQ(slot_.current(), successor);
}

TEST_F(WorkerSlotTest, StartsOneSuccessorForEachWish) {
  InstallWorker(State::kReady);
  slot_.WantSuccessor(StartReason::kRescan);
  EXPECT_THAT(slot_.Tick(now_).start, Optional(StartReason::kRescan));
  InstallWorker(State::kStarting);
  EXPECT_FALSE(slot_.Tick(now_).start);
  slot_.workers().back()->set_state(State::kReady);
  slot_.Tick(now_);
  EXPECT_FALSE(slot_.Tick(now_).start);
}

TEST_F(WorkerSlotTest, KeepsAWishWhileNoProcessCanBeMade) {
  InstallWorker(State::kReady);
  slot_.WantSuccessor(StartReason::kRescan);
  slot_.Tick(now_);
  slot_.StartFailed(now_);
  EXPECT_FALSE(slot_.Tick(now_).start);
  EXPECT_THAT(slot_.Tick(now_ + 1s).start, Optional(StartReason::kRescan));
}

TEST_F(WorkerSlotTest, StartsNoSuccessorBeforeThereIsAReadyWorkerToSucceed) {
  InstallWorker(State::kStarting)->set_state(State::kStarting);
  slot_.WantSuccessor(StartReason::kRescan);
  EXPECT_FALSE(slot_.Tick(now_).start);
  slot_.current()->set_state(State::kReady);
  EXPECT_THAT(slot_.Tick(now_).start, Optional(StartReason::kRescan));
}

TEST_F(WorkerSlotTest, NamesTheWorkerThatHung) {
  const auto worker = InstallWorker(State::kReady);
  MissTheCheckToo(*worker);
  EXPECT_EQ(slot_.Tick(now_ + settings_.hang_limit).hung, worker);

  const auto stuck = InstallWorker(State::kReady);
  Miss(*stuck);
  EXPECT_EQ(slot_.Tick(now_ + settings_.hang_limit).hung, nullptr);
  InstallWorker(State::kReady);
  EXPECT_EQ(slot_.Tick(now_ + settings_.hang_limit).hung, stuck);
}

TEST_F(WorkerSlotTest, CallsNoWorkerHungThatMissedOnceAndIsReplacedForAnotherReason) {
  const auto sick = InstallWorker(State::kReady);
  Miss(*sick);
  sick->MarkSick();
  const auto ended = slot_.Tick(now_);
  EXPECT_THAT(ended.bury, ElementsAre(sick));
  EXPECT_EQ(ended.hung, nullptr);

  const auto old_one = InstallWorker(State::kReady);
  Miss(*old_one);
  InstallWorker(State::kReady);
  const auto replaced = slot_.Tick(now_ + 1s);
  EXPECT_THAT(replaced.bury, ElementsAre(old_one));
  EXPECT_EQ(replaced.hung, nullptr);
}

TEST_F(WorkerSlotTest, StartsEachIsolationWorkerToIsolate) {
  WorkerSlot isolation(settings_, StartReason::kIsolation);
  const auto worker = MakeWorker();
  isolation.Install(worker);
  worker->set_state(State::kEnding);
  EXPECT_FALSE(isolation.Tick(now_).start);
  EXPECT_THAT(isolation.Tick(now_ + 1s).start, Optional(StartReason::kIsolation));
}

TEST_F(WorkerSlotTest, GivesUpAllItHoldsWhenCleared) {
  const auto current = InstallWorker(State::kReady);
  const auto successor = InstallWorker(State::kStarting);
  EXPECT_THAT(slot_.Clear(), ElementsAre(current, successor));
  EXPECT_THAT(slot_.workers(), IsEmpty());
}

class TokenWorkerTest : public WorkerSlotTest {
 protected:
  static ReplyHead ReplyTo(const TokenWorker::Request& request) {
    ReplyHead reply{.id = request.head.id, .incarnation = request.head.incarnation};
    reply.digest = request.Digest();
    return reply;
  }
  std::shared_ptr<Operation> operation_ = std::make_shared<Operation>();
};

TEST_F(TokenWorkerTest, TakesEachReplyOnce) {
  const auto worker = MakeWorker();
  const TokenWorker::Request request = worker->Begin(operation_, now_, 1s);
  const auto answered = worker->Take(ReplyTo(request));
  ASSERT_TRUE(answered);
  EXPECT_EQ(answered->operation, operation_);
  EXPECT_FALSE(worker->Take(ReplyTo(request)));
}

TEST_F(TokenWorkerTest, KnowsAReplyThatIsNotToItsRequest) {
  const auto worker = MakeWorker();
  const ReplyHead right = ReplyTo(worker->Begin(operation_, now_, 1s));
  ReplyHead wrong = right;
  ++wrong.id;
  EXPECT_FALSE(worker->Take(wrong));
  wrong = right;
  ++wrong.incarnation;
  EXPECT_FALSE(worker->Take(wrong));
  EXPECT_TRUE(worker->Take(right));
}

TEST_F(TokenWorkerTest, NeverUsesANumberTwice) {
  const auto one = MakeWorker(), other = MakeWorker();
  const std::uint64_t first = one->Begin(operation_, now_, 1s).head.id;
  const std::uint64_t second = other->Begin(operation_, now_, 1s).head.id;
  EXPECT_NE(first, second);
  EXPECT_NE(second, one->Begin(operation_, now_, 1s).head.id);
}

TEST_F(TokenWorkerTest, GivesAMissedOperationBackOnceAndStillKnowsItsLateReply) {
  const auto worker = MakeWorker();
  worker->set_state(State::kReady);
  const ReplyHead reply = ReplyTo(worker->Begin(operation_, now_, 1s));
  EXPECT_THAT(worker->TakeMissed(now_ + 999ms), IsEmpty());
  EXPECT_THAT(worker->TakeMissed(now_ + 1s), ElementsAre(operation_));
  EXPECT_THAT(worker->TakeMissed(now_ + 2s), IsEmpty());
  EXPECT_EQ(worker->first_miss(), now_ + 1s);
  EXPECT_TRUE(worker->wants_check());
  const auto late = worker->Take(reply);
  ASSERT_TRUE(late);
  EXPECT_EQ(late->operation, nullptr);
  EXPECT_FALSE(worker->first_miss());
}

TEST_F(TokenWorkerTest, IsHungWhenTheCheckIsMissedTooAndNotBefore) {
  const auto worker = MakeWorker();
  worker->set_state(State::kReady);
  Miss(*worker);
  EXPECT_EQ(worker->state(), State::kReady);
  const TokenWorker::Request check = worker->BeginCheck(operation_, now_, 0s);
  EXPECT_FALSE(worker->wants_check());
  EXPECT_THAT(worker->TakeMissed(now_), IsEmpty());
  EXPECT_EQ(worker->state(), State::kHung);
  EXPECT_FALSE(worker->has_room());
  // It lives after all, with one session stuck.
  EXPECT_TRUE(worker->Take(ReplyTo(check)));
  EXPECT_EQ(worker->state(), State::kReady);
  EXPECT_TRUE(worker->first_miss());
}

TEST_F(TokenWorkerTest, HoldsTwoRequestsASession) {
  const auto worker = MakeWorker();
  worker->set_state(State::kReady);
  worker->set_sessions(2);
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(worker->has_room()) << i;
    worker->Begin(std::make_shared<Operation>(), now_, 1s);
  }
  EXPECT_FALSE(worker->has_room());
}

TEST_F(TokenWorkerTest, ReturnsWhatWasInFlightAndNotItsOwnCheckWhenItEnds) {
  const auto worker = MakeWorker();
  worker->set_state(State::kReady);
  worker->Begin(operation_, now_, 1s);
  Miss(*worker);
  worker->BeginCheck(std::make_shared<Operation>(), now_, 1s);
  EXPECT_THAT(worker->TakeAll(), ElementsAre(operation_));
  EXPECT_EQ(worker->in_flight(), 0u);
}

}  // namespace
}  // namespace mortise::hsm
