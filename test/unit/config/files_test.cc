// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "config/loader.h"
#include "test/support/temp_dir.h"

namespace mortise::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A folder with a configuration and every file it names, all as they should be.
class GoodFilesTest : public testing::Test {
 protected:
  GoodFilesTest() {
    Write("module.so", "not really", 0644);
    Write("pin", "0000", 0400);
    Write("admin-pin", "0000", 0400);
    Write("m.yaml",
          "stateDir: " + dir_ / "state" + "\ntokens:\n  - {name: a, module: " + dir_ / "module.so" +
              ", uri: \"pkcs11:token=a\", pinFile: " + dir_ / "pin" +
              "}\nkeyrings:\n  - {name: k, " + "context: c, socket: " + dir_ / "run/k/kms.sock" +
              "}\n",
          0600);
    Write("admin.yaml", "tokens:\n  - {name: a, pinFile: " + dir_ / "admin-pin" + "}\n", 0600);
  }

  void Write(const std::string& name, const std::string& text, mode_t mode) {
    const std::string path = dir_ / name;
    unlink(path.c_str());
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
  }
  void Append(const std::string& text) { std::ofstream(dir_ / "m.yaml", std::ios::app) << text; }
  void Chmod(const std::string& name, mode_t mode) { chmod((dir_ / name).c_str(), mode); }
  void MakeFolder(const std::string& name, mode_t mode) {
    mkdir((dir_ / name).c_str(), 0700);
    Chmod(name, mode);
  }

  std::vector<std::string> Problems() const {
    try {
      Load(dir_ / "m.yaml");
    } catch (const ConfigError& error) {
      return error.problems();
    }
    return {};
  }
  std::vector<std::string> AdminProblems() const {
    try {
      LoadAdmin(dir_ / "admin.yaml", Load(dir_ / "m.yaml"));
    } catch (const ConfigError& error) {
      return error.problems();
    }
    return {};
  }

  const test::TempDir dir_;
};

TEST_F(GoodFilesTest, AreAccepted) {
  EXPECT_THAT(Problems(), IsEmpty());
  EXPECT_THAT(AdminProblems(), IsEmpty());
}

TEST_F(GoodFilesTest, ShowGivesTextThatLoadAccepts) {
  Write("m.yaml", Show(Load(dir_ / "m.yaml")), 0600);
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_F(GoodFilesTest, RefusesAKeysFileThatOthersCanWriteAndWaitsForOneThatIsMissing) {
  Append("  - {name: l, context: c, socket: " + dir_ / "l.sock" +
         ", discovery: file, keysFile: " + dir_ / "keys.yaml" + "}\n");
  EXPECT_THAT(Problems(), IsEmpty());
  Write("keys.yaml", "", 0666);
  EXPECT_THAT(Problems(), ElementsAre(testing::AllOf(
                              HasSubstr("keyrings[1].keysFile: "),
                              HasSubstr("keys.yaml: can be written by group or others"))));
}

TEST_F(GoodFilesTest, RefusesAMissingConfiguration) {
  unlink((dir_ / "m.yaml").c_str());
  EXPECT_THAT(Problems(), ElementsAre(testing::AllOf(HasSubstr("m.yaml: No such file"),
                                                     HasSubstr("--config"))));
}

TEST_F(GoodFilesTest, RefusesAConfigurationThatOthersCanWrite) {
  Chmod("m.yaml", 0622);
  EXPECT_THAT(Problems(),
              ElementsAre(HasSubstr("m.yaml: can be written by group or others; run: chmod go-w")));
}

TEST_F(GoodFilesTest, RefusesAConfigurationInAFolderThatOthersCanWrite) {
  chmod(dir_.path().c_str(), 0777);
  EXPECT_THAT(Problems(),
              ElementsAre(HasSubstr(dir_.path() + ": can be written by group or others")));
}

TEST_F(GoodFilesTest, RefusesAMissingModuleAndSaysWhatToDo) {
  unlink((dir_ / "module.so").c_str());
  EXPECT_THAT(Problems(), ElementsAre(testing::AllOf(HasSubstr("tokens[0].module: "),
                                                     HasSubstr("install the token vendor's"))));
}

TEST_F(GoodFilesTest, RefusesAModuleThatOthersCanWrite) {
  Chmod("module.so", 0666);
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("module.so: can be written by group or others")));
}

TEST_F(GoodFilesTest, RefusesAModuleThatIsAFolder) {
  unlink((dir_ / "module.so").c_str());
  MakeFolder("module.so", 0755);
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("module.so: is not a file")));
}

TEST_F(GoodFilesTest, RefusesAMissingPinFileAndSaysWhatToDo) {
  unlink((dir_ / "pin").c_str());
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("tokens[0].pinFile: " + dir_ / "pin" +
                                                ": there is no such file; write the PIN")));
}

TEST_F(GoodFilesTest, RefusesAPinFileThatOthersCanRead) {
  Chmod("pin", 0440);
  EXPECT_THAT(Problems(),
              ElementsAre(HasSubstr("can be read by group or others; run: chmod 0400")));
}

TEST_F(GoodFilesTest, RefusesAnEmptyPinFile) {
  Write("pin", "", 0400);
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("pin: is empty")));
}

TEST_F(GoodFilesTest, RefusesAPinFileThatIsALinkOutOfItsFolder) {
  unlink((dir_ / "pin").c_str());
  ASSERT_EQ(symlink("/proc/self/status", (dir_ / "pin").c_str()), 0);
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("is a link that leaves its own folder")));
}

TEST_F(GoodFilesTest, AcceptsAPinFileLinkedAsKubernetesVolumesDo) {
  unlink((dir_ / "pin").c_str());
  MakeFolder("..data", 0755);
  Write("..data/pin", "0000", 0400);
  ASSERT_EQ(symlink("..data/pin", (dir_ / "pin").c_str()), 0);
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_F(GoodFilesTest, RefusesAFileOfAnotherUser) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  ASSERT_EQ(chown((dir_ / "module.so").c_str(), 65534, 65534), 0);
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("module.so: belongs to uid 65534")));
}

TEST_F(GoodFilesTest, RefusesASocketFolderThatOthersCanWrite) {
  MakeFolder("run", 0777);
  EXPECT_THAT(Problems(),
              ElementsAre(HasSubstr("keyrings[0].socket: " + dir_ / "run" + ": can be written")));
}

TEST_F(GoodFilesTest, RefusesASocketBelowAPlainFile) {
  Write("run", "", 0600);
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("run: is not a folder")));
}

TEST_F(GoodFilesTest, RefusesAStateDirThatOthersCanWrite) {
  MakeFolder("state", 0770);
  EXPECT_THAT(Problems(),
              ElementsAre(HasSubstr("stateDir: " + dir_ / "state" + ": can be written")));
}

TEST_F(GoodFilesTest, RefusesAStateDirThatIsAFile) {
  Write("state", "", 0600);
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("state: is not a folder")));
}

TEST_F(GoodFilesTest, RefusesTwoSocketsThatALinkMakesOne) {
  MakeFolder("run", 0700);
  MakeFolder("run/k", 0700);
  ASSERT_EQ(symlink("k", (dir_ / "run/link").c_str()), 0);
  Append("  - {name: l, context: c, socket: " + dir_ / "run/link/kms.sock" + "}\n");
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("keyrings[1].socket: leads to the same socket")));
}

TEST_F(GoodFilesTest, AcceptsPinnedCanariesThatAreYetToBeWritten) {
  Append("  - {name: l, context: c, socket: " + dir_ / "l.sock" +
         ", trust: pinned, canaries: " + dir_ / "canaries.json" + "}\n");
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_F(GoodFilesTest, RefusesCanariesThatOthersCanWrite) {
  Write("canaries.json", "{}", 0666);
  Append("  - {name: l, context: c, socket: " + dir_ / "l.sock" +
         ", trust: pinned, canaries: " + dir_ / "canaries.json" + "}\n");
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("keyrings[1].canaries: ")));
}

TEST_F(GoodFilesTest, RefusesAnAdminTokenThatTheConfigurationDoesNotName) {
  Write("admin.yaml", "tokens:\n  - {name: b, pinFile: " + dir_ / "admin-pin" + "}\n", 0600);
  EXPECT_THAT(AdminProblems(),
              ElementsAre(HasSubstr("admin.yaml:2:12: tokens[0].name: no token is named \"b\"")));
}

TEST_F(GoodFilesTest, RefusesAnAdminPinThatOthersCanRead) {
  Chmod("admin-pin", 0444);
  EXPECT_THAT(AdminProblems(), ElementsAre(HasSubstr("can be read by group or others")));
}

TEST_F(GoodFilesTest, RefusesAnAdminTokenWithoutAPinFile) {
  Write("admin.yaml", "tokens:\n  - name: a\n", 0600);
  EXPECT_THAT(AdminProblems(), ElementsAre(HasSubstr("tokens[0].pinFile: is missing")));
}

TEST_F(GoodFilesTest, RefusesAMissingAdminFile) {
  unlink((dir_ / "admin.yaml").c_str());
  EXPECT_THAT(AdminProblems(), ElementsAre(HasSubstr("--admin-config")));
}

}  // namespace
}  // namespace mortise::config
