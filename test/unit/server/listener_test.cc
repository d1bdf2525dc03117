// SPDX-License-Identifier: Apache-2.0
#include "server/listener.h"

#include <dirent.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <vector>

#include "test/unit/server/http2_client.h"
#include "test/unit/server/serving_test.h"

namespace mortise::test {
namespace {

using grpc::StatusCode;
using server::Rejection;
using std::chrono::milliseconds;
using std::chrono::seconds;
namespace fs = std::filesystem;

std::size_t OpenFiles() {
  return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
}

class ListenerTest : public ServingTest {};

TEST_F(ListenerTest, ClosesASilentConnectionAfterFiveSeconds) {
  const UniqueFd silent = Connect(settings.socket);
  EXPECT_TRUE(IsClosedWithin(silent.get(), seconds(8)));
  // Counted after it was closed.
  EXPECT_TRUE(Eventually([this] { return recorder.rejections(Rejection::kSilent) == 1; }));
}

TEST_F(ListenerTest, ClosesAConnectionThatNeverEndsItsPreface) {
  const UniqueFd slow = Connect(settings.socket);
  ASSERT_EQ(send(slow.get(), "PRI * HTTP", 10, 0), 10);
  EXPECT_TRUE(IsClosedWithin(slow.get(), seconds(8)));
}

TEST_F(ListenerTest, ClosesAConnectionThatSpeaksSomethingElseAtOnce) {
  const UniqueFd garbage = Connect(settings.socket);
  ASSERT_GT(send(garbage.get(), "GET / HTTP/1.1\r\n\r\n", 18, 0), 0);
  EXPECT_TRUE(IsClosedWithin(garbage.get(), seconds(2)));
  EXPECT_EQ(recorder.rejections(Rejection::kNotHttp2), 1);
}

TEST_F(ListenerTest, ServesAClientWhosePrefaceComesInPieces) {
  const UniqueFd fd = Connect(settings.socket);
  const std::string preface =
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string("\0\0\0\4\0\0\0\0\0", 9);
  for (const char byte : preface) {
    ASSERT_EQ(send(fd.get(), &byte, 1, MSG_NOSIGNAL), 1);
    std::this_thread::sleep_for(milliseconds(1));
  }
  char answer[9];
  EXPECT_EQ(recv(fd.get(), answer, sizeof(answer), 0), 9);  // gRPC's SETTINGS
}

TEST_F(ListenerTest, ServesOthersBesideFiveHundredIdleConnections) {
  std::vector<UniqueFd> idle;
  for (int i = 0; i < 500; ++i) idle.push_back(Connect(settings.socket));
  EXPECT_TRUE(client.Status().ok());
  EXPECT_TRUE(idle.back());
}

TEST_F(ListenerTest, LosesNoDescriptorOverManyConnections) {
  ASSERT_TRUE(client.Status().ok());
  const std::size_t before = OpenFiles();
  for (int i = 0; i < 300; ++i) Connect(settings.socket);
  for (int i = 0; i < 50; ++i) Http2Client(settings.socket).Receive();
  EXPECT_TRUE(Eventually([before] { return OpenFiles() <= before; }));
}

TEST_F(ListenerTest, BindsAnewAPathThatIsGone) {
  fs::remove(settings.socket);
  EXPECT_TRUE(Eventually([this] { return Client(settings.socket).Status().ok(); }, seconds(2)));
  EXPECT_EQ(recorder.events("socket_rebound"), 1);
}

TEST_F(ListenerTest, LeavesAStrangerAtItsPathAloneWithOneAlarm) {
  fs::remove(settings.socket);
  std::ofstream(settings.socket) << "mine";
  EXPECT_TRUE(Eventually([this] { return recorder.events("socket_displaced") == 1; }));
  std::this_thread::sleep_for(seconds(1));
  EXPECT_EQ(recorder.events("socket_displaced"), 1);
  serving.Stop(milliseconds(0));
  EXPECT_EQ(fs::file_size(settings.socket), 4u);
}

TEST_F(ListenerTest, TellsConnectedClientsToGoAwayWhenItStops) {
  Http2Client connected(settings.socket);
  ASSERT_TRUE(Eventually([this] { return recorder.connections() == 1; }));
  serving.Stop(milliseconds(0));
  auto frame = connected.Receive();
  while (frame && frame->type != Http2Client::kGoAway) frame = connected.Receive();
  EXPECT_TRUE(frame) << "closed without GOAWAY";
}

TEST_F(ListenerTest, RemovesItsPathWhenItStops) {
  serving.Stop(milliseconds(0));
  EXPECT_FALSE(fs::exists(fs::symlink_status(settings.socket)));
}

TEST_F(SocketTest, RefusesAPeerOfAnotherUid) {
  settings.allowed_uids = {geteuid() + 1};
  Serving serving(settings, limits);
  Client client(settings.socket);
  v2::StatusResponse response;
  const auto context = Client::NewContext(milliseconds(500));
  EXPECT_FALSE(client.stub().Status(context.get(), {}, &response).ok());
  EXPECT_GE(serving.recorder.rejections(Rejection::kUid), 1);
  EXPECT_GE(serving.recorder.events("peer_rejected"), 1);
}

TEST_F(SocketTest, CountsEveryRefusedPeerButLogsOnlySoMany) {
  settings.allowed_uids = {geteuid() + 1};
  const Serving serving(settings, limits);
  for (int i = 0; i < 500; ++i) Connect(settings.socket);
  EXPECT_TRUE(Eventually([&] { return serving.recorder.rejections(Rejection::kUid) == 500; }));
  EXPECT_GE(serving.recorder.events("peer_rejected"), 1);
  EXPECT_LE(serving.recorder.events("peer_rejected"), 100);
}

TEST_F(SocketTest, ClosesTheNewestConnectionBeyondTheLimitAndServesAgainWhenOneIsFree) {
  limits.max_connections = 2;
  Serving serving(settings, limits);
  auto first = std::make_unique<Http2Client>(settings.socket);
  const Http2Client second(settings.socket);
  ASSERT_TRUE(Eventually([&] { return serving.listener().open() == 2; }));
  EXPECT_TRUE(IsClosedWithin(Http2Client(settings.socket).fd(), seconds(2)));
  EXPECT_EQ(serving.recorder.rejections(Rejection::kLimit), 1);
  first.reset();
  EXPECT_TRUE(Client(settings.socket).Status().ok());
}

// gRPC tells nobody that it closed a connection; the listener's copy of the descriptor
// must see it, and must not keep the client from seeing it.
TEST_F(SocketTest, SeesThatGrpcClosedAnOldConnectionAndSoDoesTheClient) {
  limits.max_connection_age = milliseconds(300);
  Serving serving(settings, limits);
  Http2Client old(settings.socket);
  ASSERT_TRUE(Eventually([&] { return serving.listener().open() == 1; }));
  while (old.Receive()) {
  }
  EXPECT_TRUE(IsClosedWithin(old.fd(), seconds(1)));
  EXPECT_TRUE(Eventually([&] { return serving.listener().open() == 0; }));
}

// gRPC shuts a connection down first and closes the descriptor some time later. Until
// then the number that the listener's copy had may belong to the next connection.
TEST_F(SocketTest, TakesAConnectionThatIsStillToBeClosedForNoOther) {
  std::mutex mutex;
  std::vector<UniqueFd> kept;  // guarded by mutex
  Recorder recorder;
  server::Listener listener(settings, limits.max_connections, server::TakeOver::kNo,
                            [&](UniqueFd fd, server::Peer) {
                              const std::lock_guard lock(mutex);
                              kept.push_back(std::move(fd));
                            },
                            recorder, {&recorder});
  const Http2Client first(settings.socket);
  // It is open before it is handed over.
  ASSERT_TRUE(Eventually([&] {
    const std::lock_guard lock(mutex);
    if (!kept.empty()) shutdown(kept.front().get(), SHUT_RDWR);
    return !kept.empty();
  }));
  ASSERT_TRUE(Eventually([&] { return listener.open() == 0; }));
  // The placeholder takes the copy's number until the second's own copy is made.
  UniqueFd placeholder(dup(STDIN_FILENO));
  const UniqueFd second = Connect(settings.socket);
  ASSERT_TRUE(Eventually([&] { return listener.open() == 1; }));
  placeholder.Reset();
  ASSERT_EQ(send(second.get(), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24, 0), 24);
  std::this_thread::sleep_for(milliseconds(200));
  EXPECT_EQ(listener.open(), 1);
}

TEST_F(SocketTest, MovesAClientOnToAnotherConnectionWhenItsOwnGetsOld) {
  limits.max_connection_age = milliseconds(100);
  Serving serving(settings, limits);
  Client client(settings.socket);
  EXPECT_TRUE(Eventually([&] {
    EXPECT_TRUE(IsServed(client.Decrypt("x")));
    return serving.recorder.connections() >= 3;
  }));
}

}  // namespace
}  // namespace mortise::test
