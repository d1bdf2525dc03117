// SPDX-License-Identifier: Apache-2.0
#include "hsm/state_dir.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "base/file.h"
#include "test/support/matchers.h"
#include "test/support/read_only.h"
#include "test/support/temp_dir.h"

namespace mortise::hsm {
namespace {

namespace fs = std::filesystem;
using test::ThrowsError;
using ::testing::HasSubstr;
using ::testing::Optional;

class StateDirTest : public ::testing::Test {
 protected:
  mode_t ModeOf(const std::string& path) const {
    struct stat status {};
    EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
  }
  test::TempDir folder_;
  std::string path_ = folder_ / "state";
};

TEST_F(StateDirTest, MakesAMissingFolderForItselfAlone) {
  const StateDir state(path_);
  EXPECT_EQ(state.problem(), std::nullopt);
  EXPECT_EQ(ModeOf(path_), 0700u);
  for (const std::string name :
       {"instances", "quarantine", "canaries", "pin-latch", "tombstones"}) {
    EXPECT_EQ(ModeOf(path_ + "/" + name), 0700u);
  }
}

TEST_F(StateDirTest, MakesTheFoldersAboveToo) {
  const StateDir state(folder_ / "a/b/state/");
  EXPECT_EQ(state.problem(), std::nullopt);
  EXPECT_EQ(state.path(), folder_ / "a/b/state");
}

TEST_F(StateDirTest, LeavesNothingBehindWhenItLooksForProblems) {
  const StateDir state(path_);
  state.problem();
  EXPECT_EQ(std::distance(fs::directory_iterator(path_), fs::directory_iterator()), 5);
}

TEST_F(StateDirTest, AcceptsTheFolderOfAnEarlierStart) {
  { const StateDir first(path_); }
  EXPECT_EQ(StateDir(path_).problem(), std::nullopt);
}

TEST_F(StateDirTest, RefusesAFolderThatOthersCanWrite) {
  for (const mode_t mode : {0770, 0702, 01777}) {
    fs::create_directories(path_);
    chmod(path_.c_str(), mode);
    EXPECT_THAT([&] { StateDir state(path_); }, ThrowsError(Reason::kConfig, "written by group"));
  }
}

TEST_F(StateDirTest, RefusesASubfolderThatOthersCanWrite) {
  { const StateDir first(path_); }
  chmod((path_ + "/pin-latch").c_str(), 0777);
  EXPECT_THAT([&] { StateDir state(path_); }, ThrowsError(Reason::kConfig, "pin-latch"));
}

TEST_F(StateDirTest, RefusesAFolderOfAnotherOwner) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a folder away";
  fs::create_directory(path_);
  ASSERT_EQ(chown(path_.c_str(), 12345, 12345), 0);
  EXPECT_THAT([&] { StateDir state(path_); }, ThrowsError(Reason::kConfig, "uid 12345"));
}

TEST_F(StateDirTest, WritesOnlyNowAndThenToSeeWhetherItCan) {
  const StateDir state(path_);
  const auto changed = [this] { return fs::last_write_time(path_); };
  state.problem();
  const auto first = changed();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(state.problem(), std::nullopt);
  EXPECT_EQ(changed(), first);
  state.NoteFailedWrite();
  state.problem();
  EXPECT_NE(changed(), first);
}

TEST_F(StateDirTest, RefusesAFileInItsPlace) {
  WriteFileAtomically(path_, "");
  EXPECT_THAT([&] { StateDir state(path_); }, ThrowsError(Reason::kConfig, "is not a folder"));
}

TEST_F(StateDirTest, SurvivesAFolderThatCannotBeMade) {
  EXPECT_THAT(StateDir("/proc/mortise/state").problem(), Optional(HasSubstr("/proc/mortise")));
}

TEST_F(StateDirTest, SurvivesAReadOnlyFolder) {
  { const StateDir first(path_); }
  const test::ReadOnly read_only(folder_.path());
  EXPECT_THAT(StateDir(path_).problem(), Optional(HasSubstr(path_)));
}

TEST_F(StateDirTest, NoticesALostSubfolderWhileItRuns) {
  const StateDir state(path_);
  fs::remove(path_ + "/instances");
  EXPECT_THAT(state.problem(), Optional(HasSubstr("/instances")));
  WriteFileAtomically(path_ + "/instances", "");
  EXPECT_THAT(state.problem(), Optional(HasSubstr("/instances")));
}

TEST_F(StateDirTest, NoticesDamageAndItsCure) {
  const StateDir state(path_);
  for (const std::string text : {"", "{", "[]", R"({"v":"1"})", R"({"v":0})", R"({"v":-1})"}) {
    WriteFileAtomically(path_ + "/state.json", text);
    EXPECT_THAT(state.problem(), Optional(HasSubstr("/state.json: damaged"))) << text;
  }
  WriteFileAtomically(path_ + "/state.json", R"({"v":1})");
  EXPECT_EQ(state.problem(), std::nullopt);
}

TEST_F(StateDirTest, NoticesANewerVersion) {
  const StateDir state(path_);
  WriteFileAtomically(path_ + "/state.json", R"({"v":2})");
  EXPECT_THAT(state.problem(), Optional(HasSubstr("newer version")));
}

}  // namespace
}  // namespace mortise::hsm
