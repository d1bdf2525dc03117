// SPDX-License-Identifier: Apache-2.0
#include "cli/kms_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>

#include "test/unit/cli/fake_kms_server.h"

namespace mortise::cli {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ProbeReport ProbeAt(const std::string& socket, milliseconds timeout = milliseconds(2000),
                    milliseconds wait = milliseconds(0)) {
  return Probe({.address = SocketAddress(socket), .timeout = timeout, .wait = wait});
}

ProbeReport ProbeOf(FakeAnswers answers, milliseconds timeout = milliseconds(2000)) {
  const FakeKmsServer server(std::move(answers));
  return ProbeAt(server.socket(), timeout);
}

std::vector<std::string> Failed(const ProbeReport& report) {
  std::vector<std::string> ids;
  for (const ProbeCheck& check : report.checks) {
    if (!check.passed()) ids.push_back(check.id);
  }
  return ids;
}

std::string Observed(const ProbeReport& report, const std::string& id) {
  for (const ProbeCheck& check : report.checks) {
    if (check.id == id) return check.observed;
  }
  return "no check " + id;
}

TEST(KmsProbeTest, CallsAPluginHealthyThatDoesAllThatKubeApiserverAsks) {
  const ProbeReport report = ProbeOf({});
  EXPECT_THAT(Failed(report), IsEmpty());
  EXPECT_EQ(report.exit_code, ExitCode::kOk);
  EXPECT_EQ(report.checks.size(), 11u);
  EXPECT_EQ(report.ciphertext_bytes, 32u);
  EXPECT_EQ(report.status.key_id, "key-1");
}

TEST(KmsProbeTest, TellsATokenThatIsAwayFromAKeyThatIsNotThere) {
  const auto exit_code = [](const std::string& message) {
    return ProbeOf({.status_code = RpcCode::kUnavailable, .error_message = message}).exit_code;
  };
  EXPECT_EQ(exit_code("starting: waiting for a key: no token shows one"), ExitCode::kFailed);
  EXPECT_EQ(exit_code("the active key cannot be used: key_missing"), ExitCode::kFailed);
  EXPECT_EQ(exit_code("starting: waiting for a token to come up and be searched"),
            ExitCode::kHsmUnreachable);
  EXPECT_EQ(exit_code("no token has proved the active key for 31 s"), ExitCode::kHsmUnreachable);
}

TEST(KmsProbeTest, AcceptsTheBetaVersion) {
  EXPECT_TRUE(ProbeOf({.status = {"v2beta1", "ok", "key-1"}}).healthy());
}

TEST(KmsProbeTest, RefusesAnotherVersionButGoesOn) {
  const ProbeReport report = ProbeOf({.status = {"v1beta1", "ok", "key-1"}});
  EXPECT_THAT(Failed(report), ElementsAre("version"));
  EXPECT_THAT(Observed(report, "version"), HasSubstr("v1beta1"));
  EXPECT_EQ(report.exit_code, ExitCode::kFailed);
  EXPECT_THAT(Observed(report, "round_trip"), HasSubstr("came back"));
}

TEST(KmsProbeTest, QuotesAHealthzThatIsNotOk) {
  const ProbeReport report = ProbeOf({.status = {"v2", "no token answers", "key-1"}});
  EXPECT_THAT(Failed(report), ElementsAre("healthz"));
  EXPECT_THAT(Observed(report, "healthz"), HasSubstr("no token answers"));
}

TEST(KmsProbeTest, RefusesAKeyIdThatIsEmptyOrTooLong) {
  EXPECT_THAT(Failed(ProbeOf({.status = {"v2", "ok", ""}, .encrypt_key_id = ""})),
              ElementsAre("key_id"));
  const std::string longest(1024, 'k');
  EXPECT_TRUE(ProbeOf({.status = {"v2", "ok", longest}, .encrypt_key_id = longest}).healthy());
  const std::string over(1025, 'k');
  EXPECT_THAT(Failed(ProbeOf({.status = {"v2", "ok", over}, .encrypt_key_id = over})),
              ElementsAre("key_id"));
}

TEST(KmsProbeTest, SeesThatEncryptNamesAnotherKeyThanStatus) {
  const ProbeReport report = ProbeOf({.encrypt_key_id = "key-2"});
  EXPECT_THAT(Failed(report), ElementsAre("encrypt_key_id"));
  EXPECT_THAT(Observed(report, "encrypt_key_id"), HasSubstr("Encrypt says key-2"));
}

TEST(KmsProbeTest, TakesARotationBetweenTheCallsForNoFault) {
  const auto asked = std::make_shared<std::atomic<int>>(0);
  FakeAnswers answers{.encrypt_key_id = "key-2"};
  answers.key_id_of_status = [asked] { return ++*asked == 1 ? "key-1" : "key-2"; };
  const ProbeReport report = ProbeOf(std::move(answers));
  EXPECT_THAT(Failed(report), IsEmpty());
  EXPECT_EQ(report.status.key_id, "key-2");
}

TEST(KmsProbeTest, SeesCorruptedPlaintext) {
  FakeAnswers answers;
  answers.on_plaintext = [](std::string& text) { text[5] ^= 1; };
  const ProbeReport report = ProbeOf(std::move(answers));
  EXPECT_THAT(Failed(report), ElementsAre("round_trip"));
  EXPECT_EQ(report.exit_code, ExitCode::kFailed);
}

TEST(KmsProbeTest, SeesShortenedPlaintext) {
  FakeAnswers answers;
  answers.on_plaintext = [](std::string& text) { text.resize(16); };
  EXPECT_THAT(Observed(ProbeOf(std::move(answers)), "round_trip"), HasSubstr("16 bytes"));
}

TEST(KmsProbeTest, SeesACiphertextThatShowsThePlaintext) {
  FakeAnswers answers;
  answers.on_ciphertext = [](std::string& text) {
    for (char& c : text) c = static_cast<char>(~c);
  };
  EXPECT_THAT(Failed(ProbeOf(std::move(answers))), testing::Contains("ciphertext"));
}

TEST(KmsProbeTest, RefusesACiphertextThatIsEmptyOrTooLong) {
  FakeAnswers empty;
  empty.on_ciphertext = [](std::string& text) { text.clear(); };
  EXPECT_THAT(Failed(ProbeOf(std::move(empty))), testing::Contains("ciphertext"));
  FakeAnswers over;
  over.on_ciphertext = [](std::string& text) { text.resize(1025); };
  over.on_plaintext = [](std::string& text) { text.resize(32); };
  EXPECT_THAT(Failed(ProbeOf(std::move(over))), ElementsAre("ciphertext"));
}

TEST(KmsProbeTest, RefusesAnnotationsThatKubeApiserverWouldRefuse) {
  EXPECT_TRUE(ProbeOf({.annotations = {{"kms.example.org", std::string("\0\xff", 2)}}}).healthy());
  EXPECT_THAT(Failed(ProbeOf({.annotations = {{"simple", ""}}})), ElementsAre("annotations"));
}

TEST(KmsProbeTest, SaysThatTheHsmIsUnreachableWhenThePluginIsUnavailable) {
  const ProbeReport report =
      ProbeOf({.status_code = RpcCode::kUnavailable, .error_message = "token hsm-a is gone"});
  EXPECT_EQ(report.exit_code, ExitCode::kHsmUnreachable);
  EXPECT_THAT(Observed(report, "status"), HasSubstr("UNAVAILABLE: token hsm-a is gone"));
  EXPECT_EQ(report.checks.back().id, "status");
}

TEST(KmsProbeTest, EndsAtTheCallThatFails) {
  const ProbeReport encrypt = ProbeOf({.encrypt_code = RpcCode::kResourceExhausted});
  EXPECT_EQ(encrypt.checks.back().id, "encrypt");
  EXPECT_EQ(encrypt.exit_code, ExitCode::kFailed);
  const ProbeReport decrypt = ProbeOf({.decrypt_code = RpcCode::kInvalidArgument});
  EXPECT_EQ(decrypt.checks.back().id, "decrypt");
}

TEST(KmsProbeTest, SaysThatAGrpcServerIsNoKmsPlugin) {
  const ProbeReport report = ProbeOf({.status_code = RpcCode::kUnimplemented});
  EXPECT_THAT(report.checks.back().hint, HasSubstr("not a KMS v2 plugin"));
}

TEST(KmsProbeTest, GivesUpOnAPluginThatHangs) {
  const ProbeReport report = ProbeOf({.hangs = true}, milliseconds(100));
  EXPECT_EQ(report.exit_code, ExitCode::kTimedOut);
  EXPECT_THAT(Observed(report, "status"), HasSubstr("DEADLINE_EXCEEDED"));
}

TEST(KmsProbeTest, SaysThatThereIsNoSocket) {
  const ProbeReport report = ProbeAt("/tmp/no-such-folder/kms.sock");
  EXPECT_THAT(Failed(report), ElementsAre("socket"));
  EXPECT_EQ(report.exit_code, ExitCode::kFailed);
  EXPECT_THAT(report.checks.back().hint, HasSubstr("mortise serve"));
}

TEST(KmsProbeTest, WaitsForAPluginThatIsNotYetHealthy) {
  const auto asked = std::make_shared<std::atomic<int>>(0);
  FakeAnswers answers;
  answers.healthz_of_status = [asked] { return ++*asked < 3 ? "starting" : "ok"; };
  const FakeKmsServer server(std::move(answers));
  EXPECT_TRUE(ProbeAt(server.socket(), milliseconds(2000), milliseconds(20'000)).healthy());
  EXPECT_EQ(*asked, 3);
}

TEST(KmsProbeTest, KeepsTheBytesOutOfItsReport) {
  std::string seed;
  FakeAnswers answers;
  answers.on_plaintext = [&seed](std::string& text) { seed = text; };
  const ProbeReport report = ProbeOf(std::move(answers));
  ASSERT_EQ(seed.size(), 32u);
  for (const ProbeCheck& check : report.checks) {
    EXPECT_THAT(check.observed + check.hint, testing::Not(HasSubstr(seed)));
    EXPECT_THAT(check.observed + check.hint, testing::Not(HasSubstr(ToHex(AsBytes(seed)))));
  }
}

}  // namespace
}  // namespace mortise::cli
