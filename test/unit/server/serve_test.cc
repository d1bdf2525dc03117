// SPDX-License-Identifier: Apache-2.0
#include "server/serve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/un.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <future>

#include "test/support/child_process.h"
#include "test/unit/server/http2_client.h"
#include "test/unit/server/serving_test.h"

namespace mortise::test {
namespace {

using grpc::StatusCode;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
namespace fs = std::filesystem;

class FrontTest : public testing::Test {
 protected:
  std::unique_ptr<ChildProcess> Start(std::vector<std::string> options = {},
                                      const ChildProcess::Environment& environment = {}) const {
    options.insert(options.begin(), {MORTISE_FRONT_UNDER_TEST, socket});
    return std::make_unique<ChildProcess>(options, environment);
  }
  std::unique_ptr<ChildProcess> StartAndWait(std::vector<std::string> options = {}) const {
    auto front = Start(std::move(options));
    EXPECT_TRUE(front->WaitForOutput("serving"));
    return front;
  }

  const TempDir folder;
  const std::string socket = folder / "kms.sock";
};

// Four clients that call Decrypt without a pause until it goes.
class Load {
 public:
  explicit Load(const std::string& socket) {
    for (int i = 0; i < 4; ++i) {
      threads_.emplace_back([this, socket] { Call(socket); });
    }
  }
  ~Load() { Failures(); }
  std::vector<std::string> Failures() {
    is_over_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    return failures_;
  }
  int calls() const { return calls_; }

 private:
  void Call(const std::string& socket) {
    Client client(socket);
    while (!is_over_) {
      const grpc::Status status = client.Decrypt("x");
      ++calls_;
      if (IsServed(status)) continue;
      const std::lock_guard lock(mutex_);
      failures_.push_back(status.error_message());
    }
  }

  std::atomic<bool> is_over_{false};
  std::atomic<int> calls_{0};
  std::mutex mutex_;
  std::vector<std::string> failures_;  // guarded by mutex_
  std::vector<std::thread> threads_;
};

TEST_F(FrontTest, StopsOnSigtermAndRemovesItsSocket) {
  const auto front = StartAndWait();
  EXPECT_TRUE(Client(socket).Status().ok());
  front->Kill(SIGTERM);
  EXPECT_EQ(front->WaitFor(seconds(5)), 0);
  EXPECT_FALSE(fs::exists(socket));
}

TEST_F(FrontTest, EndsACallThatTheTokenDoesNotAnswerWhenItIsStopped) {
  const auto front = StartAndWait({"--hold"});
  auto call = std::async(std::launch::async, [this] { return Client(socket).Decrypt("x"); });
  std::this_thread::sleep_for(milliseconds(500));
  front->Kill(SIGTERM);
  EXPECT_EQ(front->WaitFor(seconds(5)), 0);
  EXPECT_EQ(call.get().error_code(), StatusCode::UNAVAILABLE);
}

TEST_F(FrontTest, IgnoresSighup) {
  const auto front = StartAndWait();
  front->Kill(SIGHUP);
  EXPECT_TRUE(Client(socket).Status().ok());
  EXPECT_TRUE(front->IsRunning());
}

TEST_F(FrontTest, RefusesALiveSocketWithExitStatus2AndLeavesItServing) {
  const auto first = StartAndWait();
  const auto second = Start();
  EXPECT_EQ(second->WaitFor(), 2);
  EXPECT_THAT(second->StandardError(), HasSubstr("--take-over"));
  EXPECT_TRUE(Client(socket).Status().ok());
}

TEST_F(FrontTest, StartsAgainAfterItWasKilled) {
  const auto first = StartAndWait();
  first->Kill(SIGKILL);
  first->WaitFor();
  const auto second = StartAndWait();
  EXPECT_TRUE(Client(socket).Status().ok());
}

TEST_F(FrontTest, LosesNoCallInATakeOver) {
  auto front = StartAndWait();
  Load load(socket);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(Eventually([&, before = load.calls()] { return load.calls() > before + 100; }));
    auto successor = StartAndWait({"--take-over"});
    EXPECT_EQ(front->WaitFor(seconds(20)), 0);
    EXPECT_THAT(front->StandardError(), HasSubstr("superseded"));
    front = std::move(successor);
  }
  EXPECT_TRUE(Client(socket).Status().ok());
  EXPECT_THAT(load.Failures(), testing::IsEmpty());
}

TEST_F(FrontTest, LogsOnceWhetherAKeyringIsReady) {
  const auto good = StartAndWait();
  ASSERT_TRUE(good->WaitForOutput("keyring_ready"));
  std::this_thread::sleep_for(milliseconds(600));
  const std::string text = good->StandardError();
  EXPECT_EQ(text.find("keyring_ready"), text.rfind("keyring_ready"));
}

TEST_F(FrontTest, LogsAtItsStartWhyAKeyringIsNotReady) {
  const auto sick = StartAndWait({"--sick"});
  ASSERT_TRUE(sick->WaitForOutput("keyring_not_ready"));
  EXPECT_THAT(sick->StandardError(),
              HasSubstr("\"reason\":\"starting: waiting for the first proof of the active key"));
}

TEST_F(FrontTest, LetsThePredecessorServeUntilItIsHealthyItself) {
  const auto front = StartAndWait();
  const auto sick = Start({"--take-over", "--sick"});
  std::this_thread::sleep_for(seconds(1));
  EXPECT_TRUE(front->IsRunning());
  EXPECT_TRUE(Client(socket).Status().ok());
  front->Kill(SIGTERM);
  EXPECT_EQ(front->WaitFor(seconds(5)), 0);
  EXPECT_TRUE(sick->WaitForOutput("serving"));  // nobody else is there any more
  EXPECT_EQ(Client(socket).Status().error_code(), StatusCode::UNAVAILABLE);
}

TEST_F(FrontTest, StartsItsSuccessorOnSigusr2) {
  const auto front = StartAndWait();
  Load load(socket);
  ASSERT_TRUE(Eventually([&] { return load.calls() > 100; }));
  front->Kill(SIGUSR2);
  EXPECT_EQ(front->WaitFor(seconds(20)), 0);
  EXPECT_THAT(load.Failures(), testing::IsEmpty());

  const UniqueFd connection = Connect(socket);
  ucred successor{};
  socklen_t size = sizeof(successor);
  ASSERT_EQ(getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &successor, &size), 0);
  EXPECT_NE(successor.pid, front->pid());
  kill(successor.pid, SIGTERM);
  EXPECT_TRUE(Eventually([this] { return !fs::exists(socket); }));
}

TEST_F(FrontTest, KeepsServingThoseItHasWhenDescriptorsRunOut) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "UBSan opens a pipe to check an object's type, and takes a failure for a defect";
#endif
  const auto front = StartAndWait({"--few-files"});
  Client client(socket);
  ASSERT_TRUE(client.Status().ok());
  {
    std::vector<UniqueFd> idle;
    for (int i = 0; i < 100; ++i) idle.push_back(Connect(socket));
    EXPECT_TRUE(front->WaitForOutput("accept_paused"));
    EXPECT_TRUE(client.Decrypt("x").ok()) << front->StandardError();
  }
  EXPECT_TRUE(Client(socket).Status().ok());
}

TEST_F(FrontTest, TellsSystemdThatItIsReadyHowItIsAndThatItLives) {
  const std::string path = folder / "notify";
  const UniqueFd systemd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(bind(systemd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const timeval limit{.tv_sec = 5, .tv_usec = 0};
  setsockopt(systemd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));

  const auto front = Start({}, {{"NOTIFY_SOCKET", path}, {"WATCHDOG_USEC", "1000000"}});
  std::string told;
  const auto is_told = [&](const std::string& text) {
    char message[4096];
    for (ssize_t got = 0; told.find(text) == std::string::npos; told.append(message, got) += '\n') {
      got = recv(systemd.get(), message, sizeof(message), 0);
      if (got <= 0) return false;
    }
    return true;
  };
  EXPECT_TRUE(is_told("READY=1"));
  EXPECT_TRUE(is_told("STATUS=prod: ok"));
  EXPECT_TRUE(is_told("WATCHDOG=1"));
  front->Kill(SIGTERM);
  EXPECT_TRUE(is_told("STOPPING=1"));
  EXPECT_THAT(told, testing::Not(HasSubstr("MAINPID")));
}

}  // namespace
}  // namespace mortise::test
