// SPDX-License-Identifier: Apache-2.0
#include "cli/http_get.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>
#include <thread>

#include "base/error.h"
#include "metrics/http_endpoint.h"
#include "metrics/listen_socket.h"

namespace mortise::cli {
namespace {

using testing::HasSubstr;

Deadline Soon() {
  return Clock::now() + std::chrono::seconds(20);
}

HttpUrl Local(int port) {
  return HttpUrl("http://127.0.0.1:" + std::to_string(port) + "/page");
}

Reason FailureOf(const HttpUrl& url, Deadline deadline) {
  try {
    HttpGet(url, deadline);
  } catch (const Error& error) {
    return error.reason();
  }
  ADD_FAILURE() << "it answered";
  return Reason::kConfig;
}

// A listener that says `answer` to the first client, whatever it asks, and hangs up.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer)
      : fd_(metrics::ListenAddress("127.0.0.1:0").Listen()),
        thread_([this, answer = std::move(answer)] {
          sockaddr_storage peer{};
          socklen_t size = sizeof peer;
          UniqueFd client;
          while (!client) {
            client = UniqueFd(accept(fd_.get(), reinterpret_cast<sockaddr*>(&peer), &size));
            std::this_thread::yield();
          }
          char request[1024];
          (void)!recv(client.get(), request, sizeof request, 0);
          send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
        }) {}

  HttpUrl url() const { return Local(metrics::BoundPort(fd_.get())); }

 private:
  UniqueFd fd_;
  std::jthread thread_;
};

TEST(HttpGetTest, FetchesAPageOfTheMetricsEndpoint) {
  const std::string large(300'000, 'x');
  metrics::HttpEndpoint endpoint(
      {.address = "127.0.0.1:0"},
      {{"/page", [&] { return metrics::HttpReply{.status = 503, .body = large}; }}});
  const HttpPage page = HttpGet(Local(endpoint.port()), Soon());
  EXPECT_EQ(page.status, 503);
  EXPECT_EQ(page.body, large);
}

TEST(HttpGetTest, SaysThatNothingAnswersWhereNothingListens) {
  int port = 0;
  { port = metrics::BoundPort(metrics::ListenAddress("127.0.0.1:0").Listen().get()); }
  EXPECT_EQ(FailureOf(Local(port), Soon()), Reason::kUnavailable);
}

TEST(HttpGetTest, GivesUpOnASilentListenerAtItsDeadline) {
  const UniqueFd silent = metrics::ListenAddress("127.0.0.1:0").Listen();
  EXPECT_EQ(FailureOf(Local(metrics::BoundPort(silent.get())),
                      Clock::now() + std::chrono::milliseconds(50)),
            Reason::kTimeout);
}

TEST(HttpGetTest, RefusesAnAnswerThatIsNotHttp) {
  const OneAnswer server("ICY 200 OK\r\n\r\nmusic");
  EXPECT_EQ(FailureOf(server.url(), Soon()), Reason::kInternal);
}

TEST(HttpGetTest, RefusesAnAnswerThatBreaksOff) {
  const OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly a part");
  EXPECT_EQ(FailureOf(server.url(), Soon()), Reason::kInternal);
}

TEST(HttpUrlTest, TakesAUrlApart) {
  const HttpUrl plain("http://127.0.0.1:9464/metrics");
  EXPECT_EQ(plain.host, "127.0.0.1");
  EXPECT_EQ(plain.port, "9464");
  EXPECT_EQ(plain.path, "/metrics");
  const HttpUrl v6("http://[::1]:9464");
  EXPECT_EQ(v6.host, "::1");
  EXPECT_EQ(v6.port, "9464");
  EXPECT_EQ(v6.path, "/");
  EXPECT_EQ(HttpUrl("http://[::1]").port, "80");
}

TEST(HttpUrlTest, RefusesWhatItCannotAsk) {
  for (const char* text : {"", "127.0.0.1:9464", "https://127.0.0.1:9464", "http://", "http://:1",
                           "http://h:", "http://h/a b", "http://h/\r\nX: y"}) {
    try {
      HttpUrl url{text};
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.reason(), Reason::kConfig);
      EXPECT_THAT(error.what(), HasSubstr("http://127.0.0.1:9464"));
    }
  }
}

}  // namespace
}  // namespace mortise::cli
