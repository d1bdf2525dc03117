// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "doctor/host_clock.h"
#include "doctor/host_memory.h"
#include "doctor/host_sockets.h"
#include "doctor/host_state.h"
#include "test/support/temp_dir.h"
#include "test/unit/doctor/findings.h"

namespace mortise::doctor {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

namespace fs = std::filesystem;

class HostTest : public testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) {
    fs::create_directories(fs::path(dir_ / name).parent_path());
    std::ofstream(dir_ / name) << text;
  }

  test::TempDir dir_;
  CheckList list_{"host"};
};

TEST_F(HostTest, AClockBeforeTheBuildFailsAndOneThatIsNotSynchronisedWarns) {
  JudgeClock({.now = ParseTime("1970-01-01T00:00:00Z"),
              .built = ParseTime("2026-01-01T00:00:00Z"),
              .sync = ClockFacts::Sync::kNo},
             list_);
  EXPECT_THAT(Verdicts(list_), ElementsAre("fail clock", "warn clock-sync"));
}

TEST_F(HostTest, AClockThatIsRightPasses) {
  JudgeClock({.now = ParseTime("2026-01-01T00:00:00Z"),
              .built = ParseTime("2026-01-01T00:00:00Z"),
              .sync = ClockFacts::Sync::kYes},
             list_);
  EXPECT_THAT(Verdicts(list_), ElementsAre("pass clock", "pass clock-sync"));
}

TEST_F(HostTest, ALimitOfLockedMemoryThatIsSmallWarns) {
  JudgeLockLimit(64 << 10, list_);
  JudgeLockLimit(8 << 20, list_);
  JudgeLockLimit(std::nullopt, list_);
  EXPECT_THAT(Verdicts(list_),
              ElementsAre("warn memory-lock", "pass memory-lock", "pass memory-lock"));
}

TEST_F(HostTest, AProcessThatCouldDumpItsMemoryFails) {
  JudgeCoreDumps(0, false, list_);
  JudgeCoreDumps(0, true, list_);
  JudgeCoreDumps(4096, false, list_);
  EXPECT_THAT(Verdicts(list_),
              ElementsAre("pass core-dumps", "fail core-dumps", "fail core-dumps"));
}

constexpr char kSwapsHeading[] = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

// A swap file below dir_, and the sysfs folder of the device that its file system is on.
class SwapTest : public HostTest {
 protected:
  SwapTest() {
    Write("swapfile", "");
    struct stat status {};
    stat((dir_ / "swapfile").c_str(), &status);
    const std::string number =
        std::to_string(major(status.st_dev)) + ":" + std::to_string(minor(status.st_dev));
    fs::create_directories(dir_ / "sys/dev/block");
    fs::create_directories(dir_ / "sys/devices/volume");
    fs::create_directory_symlink("../../devices/volume", dir_ / ("sys/dev/block/" + number));
  }

  void Judge() {
    JudgeSwap(kSwapsHeading + dir_ / "swapfile" + "   file\t\t1024\t\t0\t\t-2\n", dir_ / "sys",
              list_);
  }
};

TEST_F(SwapTest, NoSwapPasses) {
  JudgeSwap(kSwapsHeading, "/sys", list_);
  EXPECT_THAT(Verdicts(list_), ElementsAre("pass swap"));
}

TEST_F(SwapTest, SwapOnABareDiskWarnsAndIsNamed) {
  Judge();
  EXPECT_THAT(Verdicts(list_), ElementsAre("warn swap"));
  EXPECT_THAT(FirstProblem(list_), HasSubstr(dir_ / "swapfile"));
}

TEST_F(SwapTest, SwapOnAnEncryptedVolumePasses) {
  Write("sys/devices/volume/dm/uuid", "CRYPT-LUKS2-0123-swap\n");
  Judge();
  EXPECT_THAT(Verdicts(list_), ElementsAre("pass swap"));
}

TEST_F(SwapTest, ALogicalVolumeUponAnEncryptedOnePasses) {
  Write("sys/devices/volume/dm/uuid", "LVM-abc\n");
  Write("sys/devices/below/dm/uuid", "CRYPT-LUKS2-0123-disk\n");
  fs::create_directories(dir_ / "sys/devices/volume/slaves");
  fs::create_directory_symlink("../../below", dir_ / "sys/devices/volume/slaves/dm-0");
  Judge();
  EXPECT_THAT(Verdicts(list_), ElementsAre("pass swap"));
}

TEST_F(SwapTest, ALogicalVolumeOfWhichOnePartIsBareWarns) {
  Write("sys/devices/volume/dm/uuid", "LVM-abc\n");
  Write("sys/devices/below/dm/uuid", "CRYPT-LUKS2-0123-disk\n");
  Write("sys/devices/bare/size", "1\n");
  fs::create_directories(dir_ / "sys/devices/volume/slaves");
  fs::create_directory_symlink("../../below", dir_ / "sys/devices/volume/slaves/dm-0");
  fs::create_directory_symlink("../../bare", dir_ / "sys/devices/volume/slaves/sda1");
  Judge();
  EXPECT_THAT(Verdicts(list_), ElementsAre("warn swap"));
}

TEST_F(SwapTest, CompressedMemoryPasses) {
  JudgeSwap(std::string(kSwapsHeading) + "/dev/zram0 partition\t1024\t0\t100\n", dir_ / "sys",
            list_);
  EXPECT_THAT(Verdicts(list_), ElementsAre("pass swap"));
}

TEST_F(HostTest, AStateFolderThatIsNotThereYetPassesAndIsNotMade) {
  CheckStateDir(dir_ / "state", list_);
  EXPECT_THAT(Verdicts(list_), ElementsAre("pass state-dir"));
  EXPECT_FALSE(fs::exists(dir_ / "state"));
}

TEST_F(HostTest, AGoodStateFolderPassesAndGetsNothingPutInto) {
  mkdir((dir_ / "state").c_str(), 0700);
  CheckStateDir(dir_ / "state", list_);
  EXPECT_THAT(Verdicts(list_),
              ElementsAre("pass state-dir", "pass state-space", "pass state-version"));
  EXPECT_TRUE(fs::is_empty(dir_ / "state"));
}

TEST_F(HostTest, AStateFolderThatOthersMayWriteFailsAndOneTheyMayReadWarns) {
  mkdir((dir_ / "state").c_str(), 0700);
  chmod((dir_ / "state").c_str(), 0770);
  CheckStateDir(dir_ / "state", list_);
  EXPECT_EQ(Verdicts(list_).front(), "fail state-dir");
  chmod((dir_ / "state").c_str(), 0750);
  CheckList second("host");
  CheckStateDir(dir_ / "state", second);
  EXPECT_EQ(Verdicts(second).front(), "warn state-dir");
}

TEST_F(HostTest, AFileInPlaceOfTheStateFolderFails) {
  Write("state", "");
  CheckStateDir(dir_ / "state", list_);
  EXPECT_THAT(Verdicts(list_), ElementsAre("fail state-dir"));
}

TEST_F(HostTest, AStateFolderOfAnotherUserFails) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a folder away";
  mkdir((dir_ / "state").c_str(), 0700);
  ASSERT_EQ(chown((dir_ / "state").c_str(), 12345, 12345), 0);
  CheckStateDir(dir_ / "state", list_);
  EXPECT_THAT(Verdicts(list_), ElementsAre("fail state-dir"));
  EXPECT_THAT(FirstProblem(list_), HasSubstr("12345"));
}

TEST_F(HostTest, AStateFileOfANewerVersionOrADamagedOneFails) {
  mkdir((dir_ / "state").c_str(), 0700);
  Write("state/state.json", R"({"v":99})");
  CheckStateDir(dir_ / "state", list_);
  EXPECT_EQ(Verdicts(list_).back(), "fail state-version");
  Write("state/state.json", "{");
  CheckList second("host");
  CheckStateDir(dir_ / "state", second);
  EXPECT_EQ(Verdicts(second).back(), "fail state-version");
}

class SocketsTest : public HostTest {
 protected:
  std::vector<std::string> Look(SocketSight::Kind kind) {
    CheckList list("host");
    config::Keyring keyring;
    keyring.name = "prod";
    keyring.socket = dir_ / "kms.sock";
    CheckSockets(
        {keyring},
        [kind](const std::string&) {
          return SocketSight{kind, ""};
        },
        list);
    return Verdicts(list);
  }
};

TEST_F(SocketsTest, EachSightHasItsVerdict) {
  using Kind = SocketSight::Kind;
  EXPECT_EQ(Look(Kind::kNothing).back(), "pass socket");
  EXPECT_EQ(Look(Kind::kServed).back(), "pass socket");
  EXPECT_EQ(Look(Kind::kRefusesUs).back(), "pass socket");
  EXPECT_EQ(Look(Kind::kDead).back(), "warn socket");
  EXPECT_EQ(Look(Kind::kDenied).back(), "skip socket");
  EXPECT_EQ(Look(Kind::kNotOurKind).back(), "fail socket");
  EXPECT_EQ(Look(Kind::kNoSocket).back(), "fail socket");
}

TEST_F(SocketsTest, AFolderThatOthersMayWriteFails) {
  chmod(dir_.path().c_str(), 0777);
  EXPECT_EQ(Look(SocketSight::Kind::kServed).front(), "fail socket-folder");
  chmod(dir_.path().c_str(), 0700);
  EXPECT_EQ(Look(SocketSight::Kind::kServed).front(), "pass socket-folder");
}

TEST_F(SocketsTest, AFolderThatIsMissingFails) {
  config::Keyring keyring;
  keyring.socket = dir_ / "none/kms.sock";
  CheckSockets(
      {keyring}, [](const std::string&) { return SocketSight{}; }, list_);
  EXPECT_EQ(Verdicts(list_).front(), "fail socket-folder");
}

}  // namespace
}  // namespace mortise::doctor
