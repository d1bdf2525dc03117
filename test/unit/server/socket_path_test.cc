// SPDX-License-Identifier: Apache-2.0
#include "server/socket_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "test/support/matchers.h"
#include "test/support/temp_dir.h"
#include "test/unit/server/serving_test.h"

namespace {

std::optional<mode_t> mode_at_birth;  // of the file that the last bind made

}  // namespace

// In place of the C library's, so that a file's mode can be seen before anybody changes it.
extern "C" int bind(int fd, const sockaddr* address, socklen_t size) noexcept {
  const long result = syscall(SYS_bind, fd, address, size);
  struct stat status {};
  if (address->sa_family == AF_UNIX &&
      stat(reinterpret_cast<const sockaddr_un*>(address)->sun_path, &status) == 0) {
    mode_at_birth = status.st_mode & 07777;
  }
  return static_cast<int>(result);
}

namespace mortise::server {
namespace {

namespace fs = std::filesystem;
using test::Connect;
using test::ThrowsError;

class SocketPathTest : public testing::Test {
 protected:
  auto Binding(const std::string& path, TakeOver take_over = TakeOver::kNo) const {
    return [=] { BoundSocket(path, 0600, take_over); };
  }
  static mode_t ModeOf(const std::string& path) {
    struct stat status {};
    lstat(path.c_str(), &status);
    return status.st_mode & 07777;
  }
  std::size_t FilesInFolder() const {
    return std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator());
  }

  const test::TempDir folder;
  const std::string path = folder / "kms.sock";
};

TEST_F(SocketPathTest, MakesASocketWithTheModeAskedForWhateverTheUmask) {
  for (const mode_t mask : {0, 022, 077}) {
    const mode_t before = umask(mask);
    const BoundSocket socket(path, 0660, TakeOver::kNo);
    umask(before);
    EXPECT_EQ(ModeOf(path), 0660u) << mask;
    EXPECT_TRUE(Connect(path));
    EXPECT_EQ(FilesInFolder(), 1u);
  }
  EXPECT_EQ(FilesInFolder(), 0u);
}

TEST_F(SocketPathTest, NeverHasAWiderModeThanTheOneAskedFor) {
  for (const mode_t mask : {0, 077}) {
    mode_at_birth.reset();
    const mode_t before = umask(mask);
    const BoundSocket socket(path, 0640, TakeOver::kNo);
    umask(before);
    ASSERT_TRUE(mode_at_birth);
    EXPECT_EQ(*mode_at_birth & ~0640u, 0u) << mask;
  }
}

TEST_F(SocketPathTest, ReplacesADeadSocket) {
  {
    BoundSocket left_behind(path, 0600, TakeOver::kNo);
    fs::rename(path, folder / "kept");
  }
  fs::rename(folder / "kept", path);
  ASSERT_FALSE(Connect(path));
  const BoundSocket socket(path, 0600, TakeOver::kNo);
  EXPECT_TRUE(Connect(path));
}

TEST_F(SocketPathTest, RefusesALiveSocketAndLeavesItServing) {
  const BoundSocket other(path, 0600, TakeOver::kNo);
  EXPECT_THAT(Binding(path), ThrowsError(Reason::kConfig, "--take-over"));
  EXPECT_TRUE(other.IsInPlace());
  EXPECT_TRUE(Connect(path));
  EXPECT_EQ(FilesInFolder(), 1u);
}

TEST_F(SocketPathTest, TakesOverALiveSocketOfItsOwnUser) {
  auto old = std::make_unique<BoundSocket>(path, 0600, TakeOver::kNo);
  const BoundSocket successor(path, 0600, TakeOver::kYes);
  EXPECT_TRUE(successor.IsInPlace());
  EXPECT_FALSE(old->IsInPlace());
  old.reset();  // whose end must not remove what is not its own
  EXPECT_TRUE(Connect(path));
}

TEST_F(SocketPathTest, RefusesAFileAFolderAndAFifoUntouched) {
  std::ofstream(path) << "text";
  EXPECT_THAT(Binding(path, TakeOver::kYes), ThrowsError(Reason::kConfig, "a plain file"));
  EXPECT_EQ(fs::file_size(path), 4u);
  fs::remove(path);
  fs::create_directory(path);
  EXPECT_THAT(Binding(path), ThrowsError(Reason::kConfig, "a folder"));
  fs::remove(path);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_THAT(Binding(path), ThrowsError(Reason::kConfig, "a FIFO"));
}

TEST_F(SocketPathTest, RefusesALinkToAFileToALiveSocketAndToNothing) {
  const BoundSocket other(folder / "other.sock", 0600, TakeOver::kNo);
  std::ofstream(folder / "file") << "text";
  for (const std::string target : {"other.sock", "file", "nowhere"}) {
    fs::create_symlink(target, path);
    EXPECT_THAT(Binding(path, TakeOver::kYes), ThrowsError(Reason::kConfig, "a symbolic link"));
    EXPECT_EQ(fs::read_symlink(path), target);
    EXPECT_EQ(fs::file_size(folder / "file"), 4u);
    EXPECT_TRUE(Connect(folder / "other.sock"));
    fs::remove(path);
  }
  EXPECT_TRUE(other.IsInPlace());
  EXPECT_FALSE(fs::exists(folder / "nowhere"));
}

TEST_F(SocketPathTest, TakesAPathOf107BytesAndRefusesOneOf108) {
  const std::string longest = folder.path() + "/" + std::string(106 - folder.path().size(), 's');
  {
    const BoundSocket socket(longest, 0600, TakeOver::kNo);
    EXPECT_TRUE(Connect(longest));
  }
  EXPECT_THAT(Binding(longest + "s"), ThrowsError(Reason::kConfig, "at most 107"));
}

TEST_F(SocketPathTest, RefusesAFolderThatOthersCanWriteOrThatIsMissing) {
  fs::create_directory(folder / "open");
  fs::permissions(folder / "open", fs::perms::all);
  EXPECT_THAT(Binding(folder / "open/kms.sock"), ThrowsError(Reason::kConfig, "chmod go-w"));
  EXPECT_THAT(Binding(folder / "gone/kms.sock"), ThrowsError(Reason::kConfig, "install -d"));
  EXPECT_THAT(Binding("kms.sock"), ThrowsError(Reason::kConfig, "absolute"));
}

TEST_F(SocketPathTest, TakesAnOpenFolderThatIsStickyAndItsOwn) {
  fs::create_directory(folder / "shared");
  fs::permissions(folder / "shared", fs::perms::all | fs::perms::sticky_bit);
  const BoundSocket socket(folder / "shared/kms.sock", 0600, TakeOver::kNo);
  EXPECT_TRUE(socket.IsInPlace());
}

TEST_F(SocketPathTest, RefusesALinkOfAnotherUserAmongItsFolders) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can make another user's link";
  fs::create_directory(folder / "real");
  fs::create_symlink("real", folder / "link");
  { const BoundSocket socket(folder / "link/kms.sock", 0600, TakeOver::kNo); }
  constexpr uid_t kNobody = 65534;
  ASSERT_EQ(lchown((folder / "link").c_str(), kNobody, kNobody), 0);
  EXPECT_THAT(Binding(folder / "link/kms.sock"), ThrowsError(Reason::kConfig, "is a link of uid"));
}

}  // namespace
}  // namespace mortise::server
