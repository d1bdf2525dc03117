// SPDX-License-Identifier: Apache-2.0
#include "metrics/http_endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "test/unit/metrics/http_client.h"

namespace mortise::metrics {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

HttpRoutes Routes() {
  return {{"/livez", [] { return HttpReply{.body = "ok\n"}; }},
          {"/large", [] { return HttpReply{.body = std::string(4 << 20, 'x')}; }},
          {"/broken", []() -> HttpReply { throw std::runtime_error("it broke"); }}};
}

HttpOptions AnyPort() {
  return {.address = "127.0.0.1:0"};
}

void AllowDescriptors(rlim_t count) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min(limit.rlim_max, std::max(limit.rlim_cur, count));
  setrlimit(RLIMIT_NOFILE, &limit);
}

class HttpEndpointTest : public testing::Test {
 protected:
  HttpEndpoint endpoint_{AnyPort(), Routes()};
  int port_ = endpoint_.port();
};

TEST_F(HttpEndpointTest, AnswersOnTheRealPortWhenAskedForAnyFreeOne) {
  EXPECT_GT(port_, 0);
  EXPECT_THAT(Ask(port_, "GET /livez"),
              AllOf(StartsWith("HTTP/1.1 200"), EndsWith("\r\n\r\nok\n")));
}

TEST_F(HttpEndpointTest, AnswersHeadWithTheHeadersAlone) {
  EXPECT_THAT(
      Ask(port_, "HEAD /livez"),
      AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("Content-Length: 3"), EndsWith("\r\n\r\n")));
}

TEST_F(HttpEndpointTest, NamesThePagesThereAreWhenAskedForAnother) {
  EXPECT_THAT(Ask(port_, "GET /nothing"),
              AllOf(StartsWith("HTTP/1.1 404"), HasSubstr("there are:\n/broken\n")));
}

TEST_F(HttpEndpointTest, RefusesMethodsThatChangeThings) {
  for (const char* method : {"POST", "PUT", "DELETE"}) {
    EXPECT_THAT(Ask(port_, std::string(method) + " /livez"),
                AllOf(StartsWith("HTTP/1.1 405"), HasSubstr("Allow: GET, HEAD")));
  }
}

TEST_F(HttpEndpointTest, RefusesARequestWithABody) {
  EXPECT_THAT(Ask(port_, "GET /livez", "Content-Length: 1000000\r\n"), StartsWith("HTTP/1.1 413"));
}

TEST_F(HttpEndpointTest, RefusesARequestOfUnreasonableSize) {
  EXPECT_THAT(Ask(port_, "GET /livez", "X: " + std::string(100'000, 'x') + "\r\n"),
              Not(HasSubstr("200 OK")));
  EXPECT_THAT(Ask(port_, "GET /livez"), EndsWith("ok\n"));
}

TEST_F(HttpEndpointTest, SurvivesBytesThatAreNotHttp) {
  const UniqueFd fd = Connect(port_);
  ASSERT_TRUE(SendText(fd, std::string("\x16\x03\x01\0\xff garbage\r\n\r\n", 18)));
  EXPECT_THAT(ReadAll(fd), Not(HasSubstr("200 OK")));
  EXPECT_THAT(Ask(port_, "GET /livez"), EndsWith("ok\n"));
}

TEST_F(HttpEndpointTest, AnswersAPageThatThrowsWithWhatItSaid) {
  EXPECT_THAT(Ask(port_, "GET /broken"), AllOf(StartsWith("HTTP/1.1 500"), EndsWith("it broke\n")));
}

TEST_F(HttpEndpointTest, AnswersWhileAThousandConnectionsAreIdle) {
  AllowDescriptors(2048);  // both ends are in this process
  std::vector<UniqueFd> idle;
  for (int i = 0; i < 1000; ++i) {
    idle.push_back(Connect(port_));
    ASSERT_TRUE(idle.back()) << i;
  }
  const auto start = Clock::now();
  EXPECT_THAT(Ask(port_, "GET /livez"), EndsWith("ok\n"));
  // Ten seconds would mean that it waited for the idle ones to time out.
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(5));
}

TEST_F(HttpEndpointTest, ClosesTheQuietestConnectionWhenThereAreTooMany) {
  const UniqueFd first = Connect(port_);
  std::vector<UniqueFd> others;
  for (int i = 0; i < 200; ++i) others.push_back(Connect(port_));
  const auto start = Clock::now();
  EXPECT_EQ(ReadAll(first), "");  // its end, well before the idle limit of ten seconds
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(5));
}

TEST_F(HttpEndpointTest, AnswersWhileOthersAreSlowToAskAndSlowToRead) {
  std::vector<UniqueFd> slow;
  for (int i = 0; i < 20; ++i) {
    slow.push_back(Connect(port_));
    ASSERT_TRUE(
        SendText(slow.back(), i % 2 == 0 ? "GET /li" : "GET /large HTTP/1.1\r\nHost: t\r\n\r\n"));
  }
  for (int i = 0; i < 10; ++i) EXPECT_THAT(Ask(port_, "GET /livez"), EndsWith("ok\n"));
}

TEST_F(HttpEndpointTest, SendsALargePageWhole) {
  EXPECT_GT(Ask(port_, "GET /large").size(), std::size_t{4} << 20);
}

TEST_F(HttpEndpointTest, StopClosesConnectionsAndGivesThePortBack) {
  const UniqueFd idle = Connect(port_);
  endpoint_.Stop();
  EXPECT_EQ(endpoint_.port(), 0);
  EXPECT_FALSE(Connect(port_));
  HttpEndpoint successor({.address = "127.0.0.1:" + std::to_string(port_)}, Routes());
  EXPECT_THAT(Ask(port_, "GET /livez"), EndsWith("ok\n"));
}

TEST_F(HttpEndpointTest, NeverSharesItsPort) {
  std::string said;
  const HttpEndpoint second({.address = "127.0.0.1:" + std::to_string(port_),
                             .on_waiting = [&](const std::string& problem) { said = problem; }},
                            Routes());
  EXPECT_EQ(second.port(), 0);
  EXPECT_THAT(said, HasSubstr("another process has the port"));
}

TEST_F(HttpEndpointTest, WaitsForAPortThatAnotherHas) {
  std::promise<int> bound;
  std::atomic<int> waits = 0;
  HttpEndpoint successor({.address = "127.0.0.1:" + std::to_string(port_),
                          .on_listening = [&](int port) { bound.set_value(port); },
                          .on_waiting = [&](const std::string&) { ++waits; }},
                         Routes());
  EXPECT_EQ(successor.port(), 0);
  endpoint_.Stop();
  auto port = bound.get_future();
  ASSERT_EQ(port.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_EQ(port.get(), port_);
  EXPECT_EQ(waits, 1);
  EXPECT_THAT(Ask(port_, "GET /livez"), EndsWith("ok\n"));
}

TEST_F(HttpEndpointTest, StopsWhileItWaitsForThePort) {
  HttpEndpoint waiting({.address = "127.0.0.1:" + std::to_string(port_)}, Routes());
  waiting.Stop();
  EXPECT_EQ(waiting.port(), 0);
}

TEST(ListenAddressTest, NamesWhatIsWrongWithAnAddress) {
  for (const char* text : {"", "9464", "127.0.0.1", "127.0.0.1:", "::1:9464", "127.0.0.1:70000",
                           "127.0.0.1:http", "300.0.0.1:1", "some.name:1"}) {
    try {
      ListenAddress address{text};
      ADD_FAILURE() << text;
    } catch (const Error& e) {
      EXPECT_EQ(e.reason(), Reason::kConfig) << text;
      EXPECT_THAT(e.what(), HasSubstr("metrics.address"));
    }
  }
}

TEST(ListenAddressTest, UnderstandsNamesNumbersAndEverywhere) {
  for (const char* text : {"127.0.0.1:0", "localhost:0", ":0", "[::1]:0", "0.0.0.0:0"}) {
    EXPECT_NO_THROW(ListenAddress{text}) << text;
  }
}

}  // namespace
}  // namespace mortise::metrics
