// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "test/support/temp_dir.h"

namespace mortise {
namespace {

using testing::HasSubstr;

class FileTest : public testing::Test {
 protected:
  std::string Make(const std::string& name, const std::string& text, mode_t mode) {
    const std::string path = dir_ / name;
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    return path;
  }
  std::string MakeFolder(const std::string& name, mode_t mode) {
    const std::string path = dir_ / name;
    mkdir(path.c_str(), 0700);
    chmod(path.c_str(), mode);
    return path;
  }
  std::string MakeLink(const std::string& target, const std::string& name) {
    const std::string path = dir_ / name;
    EXPECT_EQ(symlink(target.c_str(), path.c_str()), 0);
    return path;
  }

  // The message of the refusal; empty when there is none.
  static std::string Refusal(void (*require)(const std::string&), const std::string& path) {
    try {
      require(path);
    } catch (const Error& error) {
      EXPECT_EQ(error.reason(), Reason::kPermission);
      return error.what();
    }
    return "";
  }

  const test::TempDir dir_;
};

TEST_F(FileTest, ATrustedFileBelowAStickyFolderPasses) {
  EXPECT_EQ(Refusal(RequireTrustedPath, Make("f", "", 0644)), "");
}

TEST_F(FileTest, AFileThatGroupOrOthersCanWriteIsRefused) {
  EXPECT_THAT(Refusal(RequireTrustedPath, Make("g", "", 0620)), HasSubstr("chmod go-w"));
  EXPECT_THAT(Refusal(RequireTrustedPath, Make("o", "", 0602)), HasSubstr("chmod go-w"));
}

TEST_F(FileTest, AFolderAnywhereAboveThatOthersCanWriteIsRefusedByName) {
  const std::string loose = MakeFolder("loose", 0777);
  MakeFolder("loose/inner", 0700);
  const std::string file = Make("loose/inner/f", "", 0600);
  EXPECT_THAT(Refusal(RequireTrustedPath, file), HasSubstr(loose + ": can be written"));
}

TEST_F(FileTest, AStickyFolderThatOthersCanWritePasses) {
  MakeFolder("sticky", 01777);
  EXPECT_EQ(Refusal(RequireTrustedPath, Make("sticky/f", "", 0600)), "");
}

TEST_F(FileTest, AnotherUsersFileIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  const std::string file = Make("f", "", 0600);
  ASSERT_EQ(chown(file.c_str(), 65534, 65534), 0);
  EXPECT_THAT(Refusal(RequireTrustedPath, file), HasSubstr("belongs to uid 65534"));
}

TEST_F(FileTest, ALinkIsJudgedByItsTargetAndTheFoldersAboveThat) {
  MakeFolder("loose", 0777);
  const std::string target = Make("loose/f", "", 0600);
  EXPECT_THAT(Refusal(RequireTrustedPath, MakeLink(target, "link")), HasSubstr("loose: can be"));
}

TEST_F(FileTest, AMissingFileIsRefused) {
  EXPECT_THAT(Refusal(RequireTrustedPath, dir_ / "none"), HasSubstr("No such file"));
}

TEST_F(FileTest, ASecretThatGroupOrOthersCanReadIsRefused) {
  EXPECT_EQ(Refusal(RequireSecretFile, Make("good", "1", 0400)), "");
  EXPECT_THAT(Refusal(RequireSecretFile, Make("group", "1", 0440)), HasSubstr("chmod 0400"));
  EXPECT_THAT(Refusal(RequireSecretFile, Make("others", "1", 0404)), HasSubstr("chmod 0400"));
}

TEST_F(FileTest, ASecretThatIsAFolderIsRefused) {
  EXPECT_THAT(Refusal(RequireSecretFile, MakeFolder("d", 0700)), HasSubstr("is not a plain file"));
}

TEST_F(FileTest, ALinkToASecretStaysInItsOwnFolder) {
  MakeFolder("..data", 0700);
  Make("..data/pin", "1", 0400);
  EXPECT_EQ(Refusal(RequireSecretFile, MakeLink("..data/pin", "pin")), "");
  MakeFolder("other", 0700);
  EXPECT_THAT(Refusal(RequireSecretFile, MakeLink("../..data/pin", "other/pin")),
              HasSubstr("leaves its own folder"));
}

TEST_F(FileTest, ASecretIsReadUpToTheEndOfItsFirstLine) {
  EXPECT_EQ(AsText(ReadSecretFile(Make("a", "1234\n", 0400)).view()), "1234");
  EXPECT_EQ(AsText(ReadSecretFile(Make("b", "1234\r\nx", 0400)).view()), "1234");
  EXPECT_EQ(AsText(ReadSecretFile(Make("c", "12 4", 0400)).view()), "12 4");
}

TEST_F(FileTest, ReadsAWholeFileAndRefusesMoreThanTheLimit) {
  const std::string path = Make("f", std::string(10000, 'x'), 0600);
  EXPECT_EQ(ReadFile(path).size(), 10000U);
  EXPECT_THROW(ReadFile(path, 9999), Error);
}

TEST_F(FileTest, AnAtomicWriteReplacesTheTextAndLeavesNothingBeside) {
  const std::string path = Make("f", "old", 0644);
  WriteFileAtomically(path, "new", 0600);
  EXPECT_EQ(ReadFile(path), "new");
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir_.path()), {}), 1);
}

TEST_F(FileTest, AnAtomicWriteIntoAMissingFolderIsAnError) {
  EXPECT_THROW(WriteFileAtomically(dir_ / "none/f", "x"), Error);
}

}  // namespace
}  // namespace mortise
