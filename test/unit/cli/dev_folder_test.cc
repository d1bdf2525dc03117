// SPDX-License-Identifier: Apache-2.0
#include "cli/dev_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "config/loader.h"
#include "test/support/matchers.h"
#include "test/support/temp_dir.h"

namespace mortise::cli {
namespace {

using test::TempDir;
using test::ThrowsError;
namespace fs = std::filesystem;

mode_t ModeOf(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777;
}

class DevFolderTest : public ::testing::Test {
 protected:
  void Make() const { DevFolder(dir_).WriteFiles("127.0.0.1:0"); }
  auto Making() const {
    return [this] { Make(); };
  }
  std::string In(const std::string& name) const { return dir_ + "/" + name; }
  void Put(const std::string& name) const { std::ofstream(In(name)) << "x"; }

  // As it is once the token and its key were made.
  void MakeWithKey() const {
    Make();
    Put("tokens/some-token");
    fs::create_directory(In("state/canaries"));
    Put("state/canaries/dev.1.0000000000000000.json");
    Put("state/state.json");
  }

  TempDir parent_;
  std::string dir_ = parent_ / "dev";
};

TEST_F(DevFolderTest, KeepsWhatItMakesFromOtherUsers) {
  Make();
  EXPECT_EQ(ModeOf(dir_), 0700U);
  EXPECT_EQ(ModeOf(In("state")), 0700U);
  EXPECT_EQ(ModeOf(In("tokens")), 0700U);
  EXPECT_EQ(ModeOf(In("pin")), 0400U);
  EXPECT_EQ(ModeOf(In("so-pin")), 0400U);
  for (const char* name :
       {"mortise.yaml", "admin.yaml", "encryption-config.yaml", "softhsm2.conf"}) {
    EXPECT_EQ(ModeOf(In(name)), 0600U) << name;
  }
}

TEST_F(DevFolderTest, WritesAConfigurationThatLoads) {
  Make();
  const config::Config config = config::Load(In("mortise.yaml"));
  ASSERT_EQ(config.keyrings.size(), 1U);
  EXPECT_EQ(config.keyrings[0].name, "dev");
  EXPECT_EQ(config.keyrings[0].socket, In("kms.sock"));
  EXPECT_EQ(config.keyrings[0].max_wraps_per_second, 0);
  EXPECT_EQ(config.tokens.at(0).name, "dev");
  EXPECT_EQ(config.tokens[0].environment.at("SOFTHSM2_CONF"), In("softhsm2.conf"));
  EXPECT_EQ(config.metrics.address, "127.0.0.1:0");
  EXPECT_EQ(config::LoadAdmin(In("admin.yaml"), config).tokens.at(0).pin_file, In("pin"));
}

TEST_F(DevFolderTest, KeepsPinAndContextOverRuns) {
  Make();
  const std::string pin = ReadFile(In("pin"));
  const std::string configuration = ReadFile(In("mortise.yaml"));
  Make();
  EXPECT_EQ(ReadFile(In("pin")), pin);
  EXPECT_EQ(ReadFile(In("mortise.yaml")), configuration);
}

TEST_F(DevFolderTest, HasAnotherPinAndContextInEachFolder) {
  Make();
  const std::string other = parent_ / "other";
  DevFolder(other).WriteFiles("");
  EXPECT_NE(ReadFile(In("pin")), ReadFile(other + "/pin"));
  EXPECT_NE(config::Load(In("mortise.yaml")).keyrings[0].context,
            config::Load(other + "/mortise.yaml").keyrings[0].context);
}

TEST_F(DevFolderTest, CompletesAFolderThatWasLeftHalfMade) {
  Make();
  fs::remove(In("admin.yaml"));
  fs::remove(In("mortise.yaml"));
  fs::remove(In("pin"));
  Make();
  EXPECT_NO_THROW(config::LoadAdmin(In("admin.yaml"), config::Load(In("mortise.yaml"))));
}

TEST_F(DevFolderTest, PointsKubeApiserverAtTheSocket) {
  Make();
  EXPECT_THAT(ReadFile(In("encryption-config.yaml")),
              ::testing::HasSubstr("endpoint: unix://" + In("kms.sock") + "\n"));
}

TEST_F(DevFolderTest, RefusesASecondOneInTheSameFolder) {
  const DevFolder first(dir_);
  EXPECT_THAT(Making(), ThrowsError(Reason::kConfig, std::to_string(getpid())));
}

TEST_F(DevFolderTest, LeavesAnOpenFolderWithOtherFilesAlone) {
  fs::create_directory(dir_);
  fs::permissions(dir_, fs::perms(0755));
  Put("thesis.tex");
  EXPECT_THAT(Making(), ThrowsError(Reason::kConfig, "holds other files"));
  EXPECT_EQ(ModeOf(dir_), 0755U);
}

TEST_F(DevFolderTest, ClosesAnOpenFolderThatIsEmpty) {
  fs::create_directory(dir_);
  fs::permissions(dir_, fs::perms(0755));
  Make();
  EXPECT_EQ(ModeOf(dir_), 0700U);
}

TEST_F(DevFolderTest, RefusesAFileInThePlaceOfAFolder) {
  std::ofstream(dir_) << "x";
  EXPECT_THAT(Making(), ThrowsError(Reason::kConfig, "is not a folder"));
}

TEST_F(DevFolderTest, RefusesAPathThatIsTooLongForASocket) {
  dir_ = parent_ / std::string(100, 'x');
  EXPECT_THAT(Making(), ThrowsError(Reason::kConfig, "shorter path"));
}

TEST_F(DevFolderTest, RefusesAPathThatConfigurationsCannotHold) {
  dir_ = parent_ / "a\"b";
  EXPECT_THAT(Making(), ThrowsError(Reason::kConfig, "letters"));
}

TEST_F(DevFolderTest, KnowsAFolderWhoseKeyWasMade) {
  MakeWithKey();
  EXPECT_TRUE(DevFolder(dir_).HasKey());
}

TEST_F(DevFolderTest, SaysWhenThePinOfTheTokenIsGone) {
  MakeWithKey();
  fs::remove(In("pin"));
  EXPECT_THAT(Making(), ThrowsError(Reason::kConfig, In("pin") + " is gone"));
  EXPECT_FALSE(fs::exists(In("pin")));
}

TEST_F(DevFolderTest, SaysWhenTheTokenIsGone) {
  MakeWithKey();
  fs::remove(In("tokens/some-token"));
  EXPECT_THAT(Making(), ThrowsError(Reason::kConfig, "with its keys"));
}

TEST_F(DevFolderTest, SaysWhenTheContextIsGone) {
  MakeWithKey();
  fs::remove(In("mortise.yaml"));
  EXPECT_THAT(Making(), ThrowsError(Reason::kConfig, "context"));
  EXPECT_FALSE(fs::exists(In("mortise.yaml")));
}

TEST_F(DevFolderTest, SaysWhenAnUnfinishedTokenLostItsSecurityOfficer) {
  Make();
  Put("tokens/some-token");
  fs::remove(In("so-pin"));
  EXPECT_THAT(Making(), ThrowsError(Reason::kConfig, "was not finished"));
}

}  // namespace
}  // namespace mortise::cli
