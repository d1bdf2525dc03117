// SPDX-License-Identifier: Apache-2.0
#include "server/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

namespace mortise::server {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using testing::SizeIs;

class LogTest : public testing::Test {
 protected:
  ~LogTest() override { std::fclose(file_); }

  // What `use` makes a log of these settings write, line by line.
  template <typename Use>
  std::vector<std::string> Written(Use use, config::LogFormat format = config::LogFormat::kJson) {
    {
      Log log({.level = level, .format = format}, file_);
      use(log);
    }
    std::rewind(file_);
    std::string text;
    for (int c = std::fgetc(file_); c != EOF; c = std::fgetc(file_)) text += static_cast<char>(c);
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
  }
  static RequestResult Failure() {
    RequestResult result;
    result.keyring = "prod";
    result.method = Method::kDecrypt;
    result.code = "NOT_FOUND";
    result.failure = Reason::kKeyNotFound;
    result.duration = std::chrono::microseconds(1500);
    return result;
  }

  config::LogLevel level = config::LogLevel::kInfo;

 private:
  std::FILE* const file_ = std::tmpfile();
};

TEST_F(LogTest, WritesAnEventAsOneJsonLine) {
  const auto lines = Written([](Log& log) {
    log.OnEvent(
        {hsm::Severity::kWarning, "key_refused", "a \"key\"\nis\tbad", {{"token", "hsm-a"}}});
  });
  ASSERT_THAT(lines, SizeIs(1));
  const json line = json::parse(lines[0]);
  EXPECT_EQ(line["level"], "warning");
  EXPECT_EQ(line["event"], "key_refused");
  EXPECT_EQ(line["msg"], "a \"key\"\nis\tbad");
  EXPECT_EQ(line["token"], "hsm-a");
  EXPECT_THAT(line["time"], MatchesRegex("....-..-..T..:..:..[.].........Z"));
}

TEST_F(LogTest, KeepsAClientsWordsInOneLineEscapedAndShort) {
  const std::string uid = std::string("a\0b\n\x1b[31m\xff", 10) + std::string(10240, 'u');
  const auto lines = Written([&](Log& log) {
    RequestResult result = Failure();
    result.uid = uid;
    result.key_id = "\xc3(\"";
    log.OnRequest(result);
  });
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_LT(lines[0].size(), 600u);
  for (const char c : lines[0]) EXPECT_TRUE(c >= ' ' && c <= '~');
  const json line = json::parse(lines[0]);
  EXPECT_EQ(line["outcome"], "key_not_found");
  EXPECT_EQ(line["method"], "Decrypt");
  EXPECT_EQ(line["duration_ms"], 1.5);
}

TEST_F(LogTest, HasAPlaceholderForTheUidThatAClientLeftEmpty) {
  const auto lines = Written([](Log& log) {
    RequestResult result = Failure();
    result.uid = "";
    log.OnRequest(result);
  });
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(json::parse(lines[0])["uid"], "-");
}

TEST_F(LogTest, ReplacesInvalidUtf8InAnEvent) {
  const auto lines = Written([](Log& log) {
    log.OnEvent({hsm::Severity::kInfo, "x", "\xff\xfe", {{"label", "\xc3"}}});
  });
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(json::parse(lines[0])["label"], "\ufffd");
}

TEST_F(LogTest, WritesWhatIsAuditedAtAnyLevel) {
  level = config::LogLevel::kError;
  const auto lines = Written([](Log& log) {
    for (const char* name : {"key_created", "key_accepted", "key_activated",
                             "key_trusted_on_first_use", "pin_unlatched", "worker_ready"})
      log.OnEvent({.name = name, .message = "x", .fields = {}});
  });
  ASSERT_THAT(lines, SizeIs(5));
  EXPECT_EQ(json::parse(lines[0])["level"], "info");
  EXPECT_EQ(json::parse(lines[4])["event"], "pin_unlatched");
}

TEST_F(LogTest, WritesTextForPeople) {
  const auto lines = Written(
      [](Log& log) {
        log.OnEvent({hsm::Severity::kError, "x", "it\nfailed", {{"token", "a b"}}});
      },
      config::LogFormat::kText);
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0], HasSubstr("error   it\\x0afailed event=\"x\" token=\"a b\""));
}

TEST_F(LogTest, WritesSuccessesOnlyAtLevelDebug) {
  RequestResult success = Failure();
  success.failure.reset();
  EXPECT_THAT(Written([&](Log& log) { log.OnRequest(success); }), IsEmpty());
  level = config::LogLevel::kDebug;
  EXPECT_THAT(Written([&](Log& log) { log.OnRequest(success); }), SizeIs(1));
}

TEST_F(LogTest, LetsNoFloodOfFailuresThrough) {
  const auto lines = Written([](Log& log) {
    for (int i = 0; i < 10000; ++i) log.OnRequest(Failure());
  });
  EXPECT_THAT(lines.size(), testing::AllOf(testing::Ge(10u), testing::Le(100u)));
}

TEST_F(LogTest, WritesAStatusAgainForAnotherReasonButNotForItsAge) {
  RequestResult status = Failure();
  status.method = Method::kStatus;
  const auto lines = Written([&](Log& log) {
    for (const char* detail : {"waiting for a token", "no key; run `mortise key create`",
                               "unproved for 9 s", "unproved for 10 s", "unproved for 11 s"}) {
      status.detail = detail;
      log.OnRequest(status);
    }
  });
  EXPECT_THAT(lines, SizeIs(3));
}

TEST_F(LogTest, WritesAStatusOnlyWhenItChanges) {
  RequestResult status = Failure();
  status.method = Method::kStatus;
  RequestResult good = status;
  good.failure.reset();
  good.code = "OK";
  const auto lines = Written([&](Log& log) {
    for (const auto* result : {&good, &good, &status, &status, &good}) log.OnRequest(*result);
  });
  EXPECT_THAT(lines, SizeIs(3));
}

}  // namespace
}  // namespace mortise::server
