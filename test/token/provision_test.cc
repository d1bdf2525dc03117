// SPDX-License-Identifier: Apache-2.0
// create-token, and behind it hsm/provision: initialisation and PINs by libp11.
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "hsm/provision/token_init.h"
#include "hsm/provision/token_listing.h"
#include "hsm/provision/token_pin.h"
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

TEST_F(ProvisionTest, ReinitialisingGivesTheUserTheNewPinAndKeepsTheLabel) {
  ASSERT_EQ(Initialize(), TokenInit::kMade);
  ReinitializeToken(SoftHsmToken::Module(), "tok", "", Pin("so-pin-1"), Pin("user-pin-2"));
  EXPECT_TRUE(HasCompleteToken(SoftHsmToken::Module(), "tok"));
  ChangeUserPin({.module = SoftHsmToken::Module(), .label = "tok"}, Pin("user-pin-2"),
                Pin("user-pin-3"));
}

TEST_F(ProvisionTest, ReinitialisingNeedsTheOfficersPinAndTheRightSerial) {
  ASSERT_EQ(Initialize(), TokenInit::kMade);
  EXPECT_THAT(
      [] {
        ReinitializeToken(SoftHsmToken::Module(), "tok", "", Pin("another"), Pin("user-pin-2"));
      },
      ThrowsError(Reason::kPinRejected, "security officer"));
  EXPECT_THAT(
      [] {
        ReinitializeToken(SoftHsmToken::Module(), "tok", "0000", Pin("so-pin-1"),
                          Pin("user-pin-2"));
      },
      ThrowsError(Reason::kConfig, "nothing was erased"));
  ChangeUserPin({.module = SoftHsmToken::Module(), .label = "tok"}, Pin("user-pin-1"),
                Pin("user-pin-2"));
}

TEST_F(ProvisionTest, TheOfficerGivesTheUserAPinWithoutTheOldOne) {
  ASSERT_EQ(Initialize(), TokenInit::kMade);
  const TokenName name = {.module = SoftHsmToken::Module(), .label = "tok"};
  SetUserPin(name, Pin("so-pin-1"), Pin("user-pin-2"));
  EXPECT_THAT([&] { ChangeUserPin(name, Pin("user-pin-1"), Pin("user-pin-3")); },
              ThrowsError(Reason::kPinRejected, "the PIN is as it was"));
}

TEST_F(ProvisionTest, ListsTokensOfTheSameLibraryTwiceInOneProcess) {
  ASSERT_EQ(Initialize(), TokenInit::kMade);
  for (int time = 0; time < 2; ++time) {
    const TokenListing listing = ListTokens(SoftHsmToken::Module());
    EXPECT_EQ(listing.without_libp11, "");
    ASSERT_EQ(listing.slots.size(), 2U);
    ASSERT_TRUE(listing.slots[0].token.has_value());
    EXPECT_EQ(listing.slots[0].token->label, "tok");
    EXPECT_EQ(listing.slots[0].token->firmware, "2.6");
  }
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
