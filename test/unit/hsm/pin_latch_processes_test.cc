// SPDX-License-Identifier: Apache-2.0
// The latch between processes that start at once, run for real.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <functional>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "hsm/worker/pin_latch.h"
#include "test/support/temp_dir.h"

namespace mortise::hsm {
namespace {

constexpr int kContenders = 8;

class PinLatchProcessesTest : public ::testing::Test {
 protected:
  PinLatchProcessesTest() { std::filesystem::create_directory(folder_ / "pin-latch"); }

  PinLatch Latch() const { return PinLatch(folder_.path(), "hsm-a", "0123456789abcdef"); }

  pid_t Start(const std::function<void()>& body) const {
    const pid_t pid = fork();
    if (pid != 0) return pid;
    try {
      body();
    } catch (const Error& error) {
      _exit(error.reason() == Reason::kPinRejected ? 0 : 1);
    }
    _exit(0);
  }

  static void Join(pid_t pid) {
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
  }

  // Lets processes run `body` at once and waits for all of them.
  void RunAtOnce(const std::function<void()>& body) const {
    int gate[2];
    ASSERT_EQ(pipe2(gate, O_CLOEXEC), 0);
    std::vector<pid_t> pids;
    for (int i = 0; i < kContenders; ++i) {
      pids.push_back(Start([&] {
        close(gate[1]);
        char byte;
        while (read(gate[0], &byte, 1) < 0) continue;  // until the parent closes its end
        body();
      }));
    }
    close(gate[0]);
    close(gate[1]);
    for (const pid_t pid : pids) Join(pid);
  }

  // What a token would see: one byte a login. Overlapping logins are two marks.
  void LogIn() const {
    const std::string mark = folder_ / "logging-in";
    const UniqueFd alone(open(mark.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
    if (!alone) _exit(2);
    const UniqueFd log(
        open((folder_ / "logins").c_str(), O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0600));
    if (write(log.get(), "x", 1) != 1) _exit(3);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    unlink(mark.c_str());
  }
  std::size_t Logins() const { return ReadFile(folder_ / "logins").size(); }

  test::TempDir folder_;
};

TEST_F(PinLatchProcessesTest, TryAWrongPinOnceInAll) {
  RunAtOnce([this] {
    PinLatch latch = Latch();
    PinLatch::Attempt attempt = latch.Begin(AsBytes("1234"), {});
    LogIn();
    attempt.Rejected(0xa0);
  });
  EXPECT_EQ(Logins(), 1u);
}

TEST_F(PinLatchProcessesTest, LogInOneAfterTheOther) {
  RunAtOnce([this] {
    PinLatch latch = Latch();
    PinLatch::Attempt attempt = latch.Begin(AsBytes("1234"), {});
    LogIn();
    attempt.Succeeded();
  });
  EXPECT_EQ(Logins(), static_cast<std::size_t>(kContenders));
}

TEST_F(PinLatchProcessesTest, TryFourTimesInAllWhenEachDiesInTheLogin) {
  RunAtOnce([this] {
    PinLatch latch = Latch();
    const PinLatch::Attempt attempt = latch.Begin(AsBytes("1234"), {});
    LogIn();
    _exit(0);
  });
  EXPECT_EQ(Logins(), 4u);
}

TEST_F(PinLatchProcessesTest, AreFreeToTryAfterAKillInTheLogin) {
  int begun[2];
  ASSERT_EQ(pipe2(begun, O_CLOEXEC), 0);
  const pid_t hung = Start([&] {
    PinLatch latch = Latch();
    const PinLatch::Attempt attempt = latch.Begin(AsBytes("1234"), {});
    if (write(begun[1], "x", 1) != 1) _exit(3);
    pause();
  });
  char byte;
  ASSERT_EQ(read(begun[0], &byte, 1), 1);
  kill(hung, SIGKILL);
  waitpid(hung, nullptr, 0);
  PinLatch latch = Latch();
  EXPECT_NO_THROW(latch.Begin(AsBytes("1234"), {}).Succeeded());
}

}  // namespace
}  // namespace mortise::hsm
