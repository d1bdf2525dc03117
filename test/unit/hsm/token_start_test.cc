// SPDX-License-Identifier: Apache-2.0
// How a token's workers come up, or do not.
#include <gmock/gmock.h>
#include <pthread.h>

#include "test/support/matchers.h"
#include "test/unit/hsm/token_fixture.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class TokenStartTest : public TokenTest {
 protected:
  // The next worker, and whether it may log in without a record.
  std::pair<std::unique_ptr<FakeWorker>, bool> NextStart() {
    std::unique_ptr<FakeWorker> worker = StartedWorker();
    const Hello hello = worker->ReceiveHello();
    return {std::move(worker), hello.unrecorded_login == UnrecordedLogin::kAllowed};
  }
  std::string Problem() const { return token_.Describe().problem; }
};

TEST_F(TokenStartTest, TellsOnceOfAWorkerThatEndsWithoutAWord) {
  for (int life = 0; life < 3; ++life) NextStart().first->End();
  EXPECT_TRUE(WaitFor([&] { return events_.Count("worker_failed", "without a word") == 1; }));
  EXPECT_THAT(Problem(), HasSubstr("module may have crashed"));
  auto [worker, _] = NextStart();
  worker->Ready();
  ASSERT_TRUE(WaitFor([&] { return Problem().empty(); }));
  EXPECT_EQ(events_.Count("worker_failed"), 1);
}

TEST_F(TokenStartTest, TellsOfAWorkerThatIsNotReadyInTime) {
  const auto worker = StartedWorker();
  Skip(settings_.start_timeout + 1s);
  EXPECT_TRUE(worker->WasKilled());
  EXPECT_EQ(events_.Count("worker_failed", "startTimeout"), 1);
  EXPECT_THAT(Problem(), HasSubstr("startTimeout"));
  EXPECT_EQ(events_.Count("worker_failed"), 1) << "its end is told too";
}

// "Unrecorded" is a C_Login of which no record can be written.
TEST_F(TokenStartTest, AllowsNoSecondUnrecordedLoginAfterOneThatEndedWithoutAWord) {
  auto [first, first_may] = NextStart();
  EXPECT_TRUE(first_may);
  first->Say(MessageKind::kLoginBegins);
  first->End();
  for (int life = 0; life < 3; ++life) {
    auto [next, may] = NextStart();
    EXPECT_FALSE(may);
    next->Fail(Reason::kPinRejected, "no record can be written");
  }
}

TEST_F(TokenStartTest, AllowsNoSecondUnrecordedLoginAfterOneThatWasTooSlow) {
  auto [first, _] = NextStart();
  first->Say(MessageKind::kLoginBegins);
  Skip(2 * settings_.start_timeout);
  EXPECT_FALSE(NextStart().second);
}

TEST_F(TokenStartTest, AllowsNoSecondUnrecordedLoginWithARejectedPinHoweverLongItServed) {
  auto [serving, _] = NextStart();
  serving->Say(MessageKind::kLoginBegins);
  serving->Ready();
  ASSERT_TRUE(WaitFor([&] { return token_.Describe().is_ready; }));
  serving->End();
  auto [rejected, may] = NextStart();
  EXPECT_TRUE(may) << "the last login went well";
  rejected->Say(MessageKind::kLoginBegins);
  rejected->Fail(Reason::kPinRejected, "wrong PIN");
  for (int life = 0; life < 3; ++life) {
    auto [next, next_may] = NextStart();
    EXPECT_FALSE(next_may);
    next->Fail(Reason::kPinRejected, "no record can be written");
  }
}

TEST_F(TokenStartTest, KeepsTheUnrecordedLoginWhereNoneWasBegunOrNoneJudged) {
  NextStart().first->Fail(Reason::kUnavailable, "the HSM is down");
  NextStart().first->End();
  auto [unjudged, may] = NextStart();
  EXPECT_TRUE(may);
  unjudged->Say(MessageKind::kLoginBegins);
  unjudged->Fail(Reason::kUnavailable, "the HSM went away");
  EXPECT_TRUE(NextStart().second);
}

TEST_F(TokenStartTest, AllowsAnUnrecordedLoginAgainOnceALoginWentWell) {
  auto [rejected, _] = NextStart();
  rejected->Fail(Reason::kPinRejected, "wrong PIN");
  auto [mended, may] = NextStart();
  EXPECT_FALSE(may);
  mended->Ready();
  ASSERT_TRUE(WaitFor([&] { return token_.Describe().is_ready; }));
  mended->End();
  EXPECT_TRUE(NextStart().second);
}

TEST_F(TokenStartTest, AllowsOneUnrecordedLoginAtATimeAndTellsOfNoFailure) {
  config::Token settings = TokenNamed("hsm-b");
  settings.workers = 2;
  Token token(settings, {.state_dir = "/nowhere"}, launcher_, events_);
  token.Tick(Clock::now());
  const auto first = launcher_.Next();
  const auto second = launcher_.Next();
  EXPECT_EQ(first->ReceiveHello().unrecorded_login, UnrecordedLogin::kAllowed);
  EXPECT_EQ(second->ReceiveHello().unrecorded_login, UnrecordedLogin::kNotNow);
  second->Fail(Reason::kBusy, "another login is under way");
  first->Say(MessageKind::kLoginBegins);
  Clock::time_point now = Clock::now();
  const auto next = [&] {
    std::unique_ptr<FakeWorker> worker;
    EXPECT_TRUE(WaitFor([&] {
      token.Tick(now += 100ms);
      worker = launcher_.Next(0ms);
      return worker != nullptr;
    }));
    return worker;
  };
  const auto early = next();
  EXPECT_EQ(early->ReceiveHello().unrecorded_login, UnrecordedLogin::kNotNow);
  early->Fail(Reason::kBusy, "another login is under way");
  first->Ready();
  ASSERT_TRUE(WaitFor([&] { return token.Describe().is_ready; }));
  EXPECT_EQ(next()->ReceiveHello().unrecorded_login, UnrecordedLogin::kAllowed);
  EXPECT_EQ(events_.Count("worker_failed"), 0);
  EXPECT_EQ(token.Describe().problem, "");
  token.Stop();
}

TEST_F(TokenStartTest, CallsAFailedStartNoDefectToACaller) {
  for (const Reason reason : {Reason::kInternal, Reason::kConfig, Reason::kPermission}) {
    NextStart().first->Fail(reason, "the PIN file may be read by others", 5);
    ASSERT_TRUE(WaitFor([&] { return token_.Describe().problem_reason == reason; }));
    std::future<Fate> fate = Submit(MessageKind::kWrap, 200ms);
    token_.Tick(Clock::now());
    const Fate known = fate.get();
    ASSERT_TRUE(known.error.has_value());
    EXPECT_EQ(known.error->reason(), Reason::kNoWorker);
    EXPECT_EQ(known.error->ckr(), 5U);
    EXPECT_THAT(known.error->what(), HasSubstr("the PIN file may be read by others"));
  }
}

TEST_F(TokenStartTest, TellsACallerThatTheTokensLoginIsRefused) {
  NextStart().first->Fail(Reason::kPinRejected, "wrong PIN");
  ASSERT_TRUE(WaitFor([&] { return !Problem().empty(); }));
  std::future<Fate> fate = Submit(MessageKind::kWrap, 200ms);
  token_.Tick(Clock::now());
  EXPECT_EQ(ReasonOf(fate), Reason::kPinRejected);
}

TEST_F(TokenStartTest, TriesLaterWhereNoThreadCanBeMade) {
  pthread_attr_t before, huge;
  ASSERT_EQ(pthread_getattr_default_np(&before), 0);
  ASSERT_EQ(pthread_attr_init(&huge), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&huge, std::size_t{1} << 50), 0);
  ASSERT_EQ(pthread_setattr_default_np(&huge), 0);
  const auto worker = StartedWorker();
  pthread_setattr_default_np(&before);
  ASSERT_TRUE(worker);
  token_.Tick(Clock::now());
  EXPECT_TRUE(worker->WasKilled());
  EXPECT_EQ(events_.Count("worker_failed"), 1);
  auto [next, _] = NextStart();
  next->Ready();
  EXPECT_TRUE(WaitFor([&] { return token_.Describe().is_ready; }));
}

}  // namespace
}  // namespace mortise::hsm
