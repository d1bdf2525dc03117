// SPDX-License-Identifier: Apache-2.0
#include "cli/socket_check.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/file.h"

namespace mortise::cli {
namespace {

using std::chrono::milliseconds;

// A listening socket in a temporary folder; what is behind it is the test's matter.
class SocketCheckTest : public testing::Test {
 protected:
  SocketCheckTest() : folder_("/tmp/sock-XXXXXX") {
    if (mkdtemp(folder_.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = folder_ + "/kms.sock";
  }
  ~SocketCheckTest() override { std::filesystem::remove_all(folder_); }

  UniqueFd Listen() {
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, path_.data(), path_.size());
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
    EXPECT_EQ(listen(fd.get(), 4), 0);
    return fd;
  }

  // Answers the first connection with `text`, then closes it.
  std::jthread Serve(const UniqueFd& listener, std::string text) {
    return std::jthread([fd = listener.get(), text = std::move(text)] {
      const UniqueFd peer(accept(fd, nullptr, nullptr));
      send(peer.get(), text.data(), text.size(), MSG_NOSIGNAL);
    });
  }

  SocketState Check(milliseconds timeout = milliseconds(5000)) {
    return CheckSocket(SocketAddress(path_), timeout).state;
  }

  std::string folder_;
  std::string path_;
};

TEST_F(SocketCheckTest, KnowsTheSettingsFrameOfAnHttp2Server) {
  const UniqueFd listener = Listen();
  const auto server = Serve(listener, std::string("\0\0\0\x04\0\0\0\0\0", 9));
  EXPECT_EQ(Check(), SocketState::kSpeaksHttp2);
}

TEST_F(SocketCheckTest, TellsAnotherProtocolFromHttp2) {
  const UniqueFd listener = Listen();
  const auto server = Serve(listener, "HTTP/1.1 400 Bad Request\r\n\r\n");
  EXPECT_EQ(Check(), SocketState::kOtherProtocol);
}

TEST_F(SocketCheckTest, SeesAConnectionThatIsClosedWithoutAWord) {
  const UniqueFd listener = Listen();
  const auto server = Serve(listener, "");
  EXPECT_EQ(Check(), SocketState::kClosedAtOnce);
}

TEST_F(SocketCheckTest, GivesUpOnAListenerThatSaysNothing) {
  const UniqueFd listener = Listen();
  EXPECT_EQ(Check(milliseconds(50)), SocketState::kSilent);
}

TEST_F(SocketCheckTest, DoesNotWaitOnAFullBacklog) {
  const UniqueFd listener = Listen();
  EXPECT_EQ(listen(listener.get(), 0), 0);
  Check(milliseconds(10));
  Check(milliseconds(10));
  EXPECT_EQ(Check(milliseconds(50)), SocketState::kSilent);
}

TEST_F(SocketCheckTest, SeesThatNothingIsThere) {
  EXPECT_EQ(Check(), SocketState::kMissing);
}

TEST_F(SocketCheckTest, SeesAPlainFileInTheSocketsPlace) {
  std::ofstream(path_) << "text";
  EXPECT_EQ(Check(), SocketState::kNotASocket);
}

TEST_F(SocketCheckTest, SeesASocketThatItsServerLeftBehind) {
  Listen().Reset();
  EXPECT_EQ(Check(), SocketState::kNobodyListens);
}

TEST_F(SocketCheckTest, SeesThatTheUserIsNotLetIn) {
  const UniqueFd listener = Listen();
  ASSERT_EQ(chmod(path_.c_str(), 0), 0);
  const uid_t self = geteuid();
  if (self == 0) {  // who may open everything
    ASSERT_EQ(seteuid(65534), 0);
  }
  const SocketState state = Check();
  ASSERT_EQ(seteuid(self), 0);
  EXPECT_EQ(state, SocketState::kPermissionDenied);
}

TEST(SocketAddressTest, ReadsTheFormsThatPeopleWrite) {
  EXPECT_EQ(SocketAddress("/run/kms.sock").GrpcTarget(), "unix:/run/kms.sock");
  EXPECT_EQ(SocketAddress("kms.sock").GrpcTarget(), "unix:kms.sock");
  EXPECT_EQ(SocketAddress("unix:///run/kms.sock").path(), "/run/kms.sock");
  EXPECT_EQ(SocketAddress("unix:///@kms").GrpcTarget(), "unix-abstract:kms");
  EXPECT_EQ(SocketAddress("@kms").Shown(), "@kms");
}

TEST(SocketAddressTest, RefusesWhatCannotBeASocketsPath) {
  for (const std::string& text : {std::string(""), std::string("unix://run/kms.sock"),
                                  std::string("@"), "/" + std::string(107, 'a')}) {
    EXPECT_THROW(SocketAddress{text}, Error) << text;
  }
  EXPECT_NO_THROW(SocketAddress("/" + std::string(106, 'a')));
}

}  // namespace
}  // namespace mortise::cli
