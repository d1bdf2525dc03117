// SPDX-License-Identifier: Apache-2.0
#include "cli/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "test/unit/cli/fake_kms_server.h"

namespace mortise::cli {
namespace {

using std::chrono::milliseconds;

LoadResult DriveAt(const FakeKmsServer& server, Rpc rpc, int callers, int connections) {
  return Drive({.address = SocketAddress(server.socket()),
                .rpc = rpc,
                .callers = callers,
                .connections = connections,
                .duration = milliseconds(200),
                .timeout = milliseconds(5000),
                .distinct = 3});
}

TEST(LoadTest, CountsEachCallOfEachRpcOnce) {
  const FakeKmsServer server;
  for (const Rpc rpc : {Rpc::kStatus, Rpc::kEncrypt, Rpc::kDecrypt}) {
    const LoadResult result = DriveAt(server, rpc, 5, 2);
    EXPECT_EQ(result.failed, 0u) << result.first_error;
    EXPECT_GE(result.calls, 5u);
    EXPECT_EQ(result.latency.count(), result.calls);
    EXPECT_GE(result.elapsed, milliseconds(200));
  }
}

TEST(LoadTest, EndsAfterExactlySoManyCalls) {
  const FakeKmsServer server;
  for (const std::uint64_t calls : {1u, 3u, 100u}) {
    const LoadResult result = Drive({.address = SocketAddress(server.socket()),
                                     .rpc = Rpc::kStatus,
                                     .callers = 7,
                                     .connections = 3,
                                     .duration = milliseconds(1),
                                     .calls = calls});
    EXPECT_EQ(result.calls, calls);
    EXPECT_EQ(result.failed, 0u);
  }
}

TEST(LoadTest, RunsWithMoreConnectionsThanCallers) {
  const FakeKmsServer server;
  EXPECT_GE(DriveAt(server, Rpc::kStatus, 1, 8).calls, 1u);
}

TEST(LoadTest, SeesWrongPlaintext) {
  FakeAnswers answers;
  answers.on_plaintext = [](std::string& text) { text[0] ^= 1; };
  const FakeKmsServer server(std::move(answers));
  const LoadResult result = DriveAt(server, Rpc::kDecrypt, 2, 1);
  EXPECT_EQ(result.failed, result.calls);
  EXPECT_EQ(result.errors.count("WRONG_ANSWER"), 1u);
}

TEST(LoadTest, CountsFailuresByCodeAndKeepsTheFirstMessage) {
  const FakeKmsServer server(
      {.status_code = RpcCode::kUnavailable, .error_message = "no worker is up"});
  const LoadResult result = DriveAt(server, Rpc::kStatus, 2, 1);
  EXPECT_EQ(result.latency.count(), 0u);
  EXPECT_EQ(result.errors.at("UNAVAILABLE"), result.failed);
  EXPECT_EQ(result.first_error, "UNAVAILABLE: no worker is up");
  // Each caller pauses 10 ms after a failure, so that nobody is hammered.
  EXPECT_LE(result.calls, 2u * (200 / 10 + 2));
}

TEST(LoadTest, EndsWhenTheServerHangs) {
  const FakeKmsServer server({.hangs = true});
  const LoadResult result = Drive({.address = SocketAddress(server.socket()),
                                   .rpc = Rpc::kStatus,
                                   .callers = 3,
                                   .duration = milliseconds(50),
                                   .timeout = milliseconds(100)});
  EXPECT_EQ(result.errors.at("DEADLINE_EXCEEDED"), 3u);
}

TEST(LoadTest, SaysThatEncryptFailedBeforeDecryptCouldBeMeasured) {
  const FakeKmsServer server(
      {.encrypt_code = RpcCode::kFailedPrecondition, .error_message = "wrap limit"});
  try {
    DriveAt(server, Rpc::kDecrypt, 1, 1);
    FAIL() << "nothing was thrown";
  } catch (const Unmeasurable& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("FAILED_PRECONDITION: wrap limit"));
    EXPECT_EQ(error.exit_code(), ExitCode::kFailed);
  }
}

TEST(LoadTest, SaysThatThereIsNoKeyYetByWhatStatusSays) {
  const FakeKmsServer server({.status_code = RpcCode::kUnavailable,
                              .error_message = "starting: waiting for a key: no token shows one"});
  try {
    DriveAt(server, Rpc::kEncrypt, 1, 1);
    FAIL() << "nothing was thrown";
  } catch (const Unmeasurable& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("waiting for a key"));
    EXPECT_EQ(error.exit_code(), ExitCode::kFailed);
  }
}

TEST(LoadTest, SaysAtOnceThatThereIsNothingAtThatPath) {
  const Load load{.address = SocketAddress("/tmp/no-such-folder/kms.sock"), .rpc = Rpc::kStatus};
  const auto start = Clock::now();
  try {
    Drive(load);
    FAIL() << "nothing was thrown";
  } catch (const Unmeasurable& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("there is nothing at"));
    EXPECT_EQ(error.exit_code(), ExitCode::kFailed);
  }
  EXPECT_LT(Clock::now() - start, load.timeout);
}

}  // namespace
}  // namespace mortise::cli
