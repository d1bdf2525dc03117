// SPDX-License-Identifier: Apache-2.0
// create-token, and behind it hsm/provision: initialisation and PINs by libp11.
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "hsm/provision/token_init.h"
#include "test/support/child_process.h"
#include "test/support/matchers.h"
#include "test/support/softhsm_token.h"

namespace mortise::hsm {
namespace {

using test::CommandResult;
using test::RunCommand;
using test::SoftHsmToken;
using test::TempDir;
using test::ThrowsError;

SecretBytes Pin(std::string_view text) {
  return SecretBytes(AsBytes(text));
}

mode_t ModeOf(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777;
}

// A SoftHSM2 folder without a token; the library is loaded into this process.
class ProvisionTest : public ::testing::Test {
 protected:
  ProvisionTest() {
    std::filesystem::create_directory(folder_ / "tokens");
    std::ofstream(folder_ / "softhsm2.conf") << "directories.tokendir = " << folder_ / "tokens"
                                             << "\n";
    setenv("SOFTHSM2_CONF", (folder_ / "softhsm2.conf").c_str(), 1);
  }

  TokenInit Initialize(const std::string& label = "tok", std::string_view so_pin = "so-pin-1") {
    return InitializeToken(SoftHsmToken::Module(), label, Pin(so_pin), Pin("user-pin-1"));
  }

  // As a run that ended half-way leaves it.
  int InitializeWithoutUserPin(const std::string& so_pin) {
    return RunCommand({"pkcs11-tool", "--module", SoftHsmToken::Module(), "--init-token",
                       "--slot-index", "0", "--label", "tok", "--so-pin", "env:SO_PIN"},
                      {{"SO_PIN", so_pin}})
        .status;
  }

  TempDir folder_;
};

TEST_F(ProvisionTest, MakesATokenOnce) {
  EXPECT_EQ(Initialize(), TokenInit::kMade);
  EXPECT_EQ(Initialize(), TokenInit::kExisted);
}

TEST_F(ProvisionTest, MakesEachTokenBesideTheOthers) {
  EXPECT_EQ(Initialize("one"), TokenInit::kMade);
  EXPECT_EQ(Initialize("two"), TokenInit::kMade);
  EXPECT_EQ(Initialize("three"), TokenInit::kMade);
  EXPECT_EQ(Initialize("one"), TokenInit::kExisted);
  EXPECT_EQ(Initialize("two"), TokenInit::kExisted);
}

TEST_F(ProvisionTest, CompletesATokenThatWasLeftWithoutAUserPin) {
  ASSERT_EQ(InitializeWithoutUserPin("so-pin-1"), 0);
  EXPECT_EQ(Initialize(), TokenInit::kCompleted);
  EXPECT_EQ(Initialize(), TokenInit::kExisted);
}

TEST_F(ProvisionTest, SaysWhichCodeTheTokenGaveForAWrongSecurityOfficerPin) {
  ASSERT_EQ(InitializeWithoutUserPin("another-pin"), 0);
  EXPECT_THAT([this] { Initialize(); }, ThrowsError(Reason::kPinRejected, "security officer"));
}

TEST_F(ProvisionTest, RefusesAFileThatIsNoPkcs11Library) {
  EXPECT_THAT([] { InitializeToken("/bin/true", "tok", Pin("so-pin-1"), Pin("user-pin-1")); },
              ThrowsError(Reason::kUnavailable, "not a PKCS#11 library"));
}

TEST_F(ProvisionTest, RefusesALibraryThatIsMissing) {
  EXPECT_THAT(
      [] { InitializeToken("/usr/lib/none.so", "tok", Pin("so-pin-1"), Pin("user-pin-1")); },
      ThrowsError(Reason::kConfig, "/usr/lib/none.so: No such file"));
}

TEST_F(ProvisionTest, RefusesAnEmptyPinAndALabelThatDoesNotFit) {
  EXPECT_THAT([this] { Initialize("tok", ""); }, ThrowsError(Reason::kConfig, "PIN is empty"));
  EXPECT_THAT([this] { Initialize(std::string(33, 'x')); },
              ThrowsError(Reason::kConfig, "32 bytes"));
}

TEST(CreateTokenTest, KeepsEverythingFromOtherUsers) {
  const SoftHsmToken token;
  EXPECT_EQ(ModeOf(token.pin_file()), 0400U);
  EXPECT_EQ(ModeOf(token.so_pin_file()), 0400U);
  EXPECT_EQ(ModeOf(token.conf_file()), 0600U);
  EXPECT_EQ(ModeOf(token.folder() + "/tokens"), 0700U);
}

TEST(CreateTokenTest, MakesATokenThatItsPinOpens) {
  const SoftHsmToken token("mine");
  // pkcs11-tool reads the PIN from the variable, so it is in no argument list.
  const std::string pin = ReadFile(token.pin_file());
  const CommandResult listed =
      RunCommand({"pkcs11-tool", "--module", SoftHsmToken::Module(), "--login", "--pin", "env:PIN",
                  "-O", "--token-label", "mine"},
                 {{"SOFTHSM2_CONF", token.conf_file()}, {"PIN", pin}});
  EXPECT_EQ(listed.status, 0) << listed.err;
}

TEST(CreateTokenTest, NeverInitialisesATokenThatIsThere) {
  const SoftHsmToken token("mine");
  const CommandResult again =
      test::CreateToken(token.folder(), "mine", token.pin_file(), token.so_pin_file());
  EXPECT_NE(again.status, 0);
  EXPECT_THAT(again.err, ::testing::HasSubstr("\"mine\" is there already"));
}

}  // namespace
}  // namespace mortise::hsm
