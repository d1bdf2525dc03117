// SPDX-License-Identifier: Apache-2.0
// `mortise key` and `mortise token unlatch`, as an operator meets them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "test/token/configured_token.h"

namespace mortise::test {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kUsage = 2, kUnreachable = 6, kPermission = 7, kTimedOut = 124;

class KeyCommandTest : public ::testing::Test {
 protected:
  // What pkcs11-tool says of the token's secret keys; the PIN is in no argument.
  std::string SecretKeysByPkcs11Tool() {
    const std::string pin = ReadFile(setup_.token().pin_file());
    return RunCommand({"pkcs11-tool", "--module", SoftHsmToken::Module(), "--login", "--pin",
                       "env:PIN", "-O", "--type", "secrkey", "--token-label", "test"},
                      {{"SOFTHSM2_CONF", setup_.token().conf_file()}, {"PIN", pin}})
        .out;
  }
  // A PIN that the token does not have.
  void UseWrongPin() {
    setup_.Write("wrong-pin", "not-the-pin", 0400);
    setup_.pin_file = setup_.File("wrong-pin");
    setup_.Write("admin.yaml", "tokens: [{name: hsm, pinFile: " + setup_.pin_file + "}]\n");
  }

  ConfiguredToken setup_;
};

TEST_F(KeyCommandTest, CreateMakesAKeyThatPkcs11ToolShowsSensitiveNeverExtractableAndLocal) {
  ASSERT_EQ(setup_.CreateKey().status, 0);
  const std::string shown = SecretKeysByPkcs11Tool();
  EXPECT_THAT(shown,
              AllOf(HasSubstr("AES length 32"), HasSubstr("Usage:      encrypt, decrypt\n"),
                    HasSubstr("Access:     sensitive, always sensitive, never extractable, local")))
      << shown;
}

TEST_F(KeyCommandTest, CreateSaysInJsonWhatItMade) {
  const CommandResult created = setup_.CreateKey({"-o", "json"});
  ASSERT_EQ(created.status, 0) << created.err;
  const json key = json::parse(created.out);
  EXPECT_TRUE(key.at("keyId").get<std::string>().starts_with("prod.1."));
  EXPECT_EQ(key.at("generation"), 1);
  EXPECT_EQ(key.at("token"), "hsm");
  EXPECT_TRUE(key.at("label").get<std::string>().ends_with(".01.c7d386"));
  EXPECT_THAT(created.err, HasSubstr("key_created"));
}

TEST_F(KeyCommandTest, CreateSaysWhenARunningServiceFindsTheKey) {
  EXPECT_THAT(setup_.CreateKey().out, HasSubstr("within rescanInterval (30 s)"));
}

TEST_F(KeyCommandTest, SeesNoOtherEnvironmentThanAWorkerDoes) {
  setup_.module = SoftHsmToken::Module();  // the fault module needs variables of its own
  setup_.WriteConfiguration(false);
  const CommandResult created =
      RunCommand({MORTISE_EXECUTABLE, "key", "create", "--config", setup_.File("mortise.yaml"),
                  "--admin-config", setup_.File("admin.yaml"), "--keyring", "prod"},
                 {{"SOFTHSM2_CONF", setup_.token().conf_file()}});
  EXPECT_EQ(created.status, kUnreachable);
  EXPECT_THAT(created.err, HasSubstr("SOFTHSM2_CONF is set here"));
}

TEST_F(KeyCommandTest, CreateMakesNoKeyWhereTheStateFolderCannotBeWritten) {
  if (geteuid() == 0) GTEST_SKIP() << "nothing stops root from writing";
  setup_.ListKeys();  // makes the folder
  std::filesystem::permissions(setup_.File("state"), std::filesystem::perms(0500));
  const CommandResult created = setup_.CreateKey();
  std::filesystem::permissions(setup_.File("state"), std::filesystem::perms(0700));
  EXPECT_EQ(created.status, kPermission);
  EXPECT_THAT(created.err, HasSubstr("no key was made. Run this as the user that serves"));
}

TEST_F(KeyCommandTest, CreateRefusesAKeyringThatHasAKey) {
  setup_.CreateKey();
  const CommandResult again = setup_.CreateKey();
  EXPECT_EQ(again.status, kUsage);
  EXPECT_THAT(again.err, HasSubstr("key rotate"));
  EXPECT_EQ(setup_.CreateKey({"--if-missing"}).status, 0);
}

TEST_F(KeyCommandTest, CreateLogsInWithTheAdminFilesPinAlone) {
  setup_.Write("wrong-pin", "not-the-pin", 0400);
  setup_.pin_file = setup_.File("wrong-pin");  // the service's
  EXPECT_EQ(setup_.CreateKey().status, 0);
  setup_.Write("admin.yaml", "tokens: []\n");
  EXPECT_EQ(setup_.CreateKey().status, kUsage);
}

TEST_F(KeyCommandTest, ListShowsStateAndPolicyOfEachKey) {
  setup_.CreateKey();
  const CommandResult listed = setup_.ListKeys();
  ASSERT_EQ(listed.status, 0) << listed.err;
  const json key = json::parse(listed.out).at("keyrings").at(0).at("keys").at(0);
  EXPECT_EQ(key.at("generation"), 1);
  EXPECT_EQ(key.at("state"), "pending");  // no service has switched to it yet
  EXPECT_EQ(key.at("tokens").at(0).at("token"), "hsm");
  EXPECT_EQ(key.at("tokens").at(0).at("mayWrap"), true);
  EXPECT_EQ(key.at("tokens").at(0).at("objects").at(0).at("attributes").at("CKA_NEVER_EXTRACTABLE"),
            "pass");
}

TEST_F(KeyCommandTest, ListShowsWhatIsWaivedForAKey) {
  setup_.policy = "{waive: {hsm: [CKA_LOCAL]}}";
  setup_.faults().Play("report-attribute=0x163:0");
  ASSERT_EQ(setup_.CreateKey().status, 0);
  EXPECT_THAT(setup_.Mortise({"key", "list"}).out, HasSubstr("good    hsm: CKA_LOCAL\n"));
}

TEST_F(KeyCommandTest, ListGivesNoPlantedKeyAPlace) {
  const std::string pin = ReadFile(setup_.token().pin_file());
  // Extractable, and usable without a login, but with a label of ours.
  ASSERT_EQ(
      RunCommand({"pkcs11-tool", "--module", SoftHsmToken::Module(), "--login", "--pin", "env:PIN",
                  "--keygen", "--key-type", "AES:32", "--extractable", "--label",
                  "prod.1.20260131T1200Z.01.c7d386", "--id", "00112233445566778899aabbccddeeff"},
                 {{"SOFTHSM2_CONF", setup_.token().conf_file()}, {"PIN", pin}})
          .status,
      0);
  EXPECT_TRUE(json::parse(setup_.ListKeys().out).at("keyrings").at(0).at("keys").empty());
  EXPECT_EQ(setup_.CreateKey().status, 0);
}

TEST_F(KeyCommandTest, ListNamesATokenThatCannotBeReadAndStillEnds) {
  setup_.faults().RemoveToken();
  const CommandResult listed = setup_.ListKeys();
  EXPECT_EQ(listed.status, kUnreachable);
  EXPECT_EQ(json::parse(listed.out).at("unreadTokens").at(0).at("token"), "hsm");
}

TEST_F(KeyCommandTest, AModuleThatIsMissingIsAMistakeOfTheConfiguration) {
  setup_.module = "/usr/lib/no-such-module.so";
  const CommandResult result = setup_.ListKeys();
  EXPECT_EQ(result.status, kUsage);
  EXPECT_THAT(result.err, HasSubstr("/usr/lib/no-such-module.so"));
}

TEST_F(KeyCommandTest, AFileThatIsNoPkcs11LibrarySaysSo) {
  setup_.module = std::filesystem::canonical("/lib/x86_64-linux-gnu/libz.so.1");
  const CommandResult result = setup_.ListKeys();
  EXPECT_NE(result.status, 0);
  EXPECT_THAT(result.err, HasSubstr("is not a PKCS#11 module"));
}

TEST_F(KeyCommandTest, NoSuchTokenListsThoseThatAreThere) {
  setup_.uri = "pkcs11:token=other";
  const CommandResult result = setup_.CreateKey();
  EXPECT_EQ(result.status, kUnreachable);
  EXPECT_THAT(result.err, AllOf(HasSubstr("no token matches"), HasSubstr("token=test")));
}

TEST_F(KeyCommandTest, TheUrisSlotAndLibraryAttributesNarrowTheChoice) {
  for (const char* other : {"slot-id=0", "slot-description=other", "library-manufacturer=other"}) {
    setup_.uri = std::string("pkcs11:token=test;") + other;
    const CommandResult result = setup_.CreateKey();
    EXPECT_EQ(result.status, kUnreachable) << other;
    EXPECT_THAT(result.err, HasSubstr("no token matches")) << other;
  }
  setup_.uri = "pkcs11:token=test;library-manufacturer=SoftHSM";
  EXPECT_EQ(setup_.CreateKey().status, 0);
}

TEST_F(KeyCommandTest, TwoTokensThatMatchAskForTheSerial) {
  ASSERT_EQ(CreateToken(setup_.token().folder(), "second", setup_.token().pin_file(),
                        setup_.token().so_pin_file())
                .status,
            0);
  setup_.uri = "pkcs11:manufacturer=SoftHSM%20project";
  const CommandResult result = setup_.CreateKey();
  EXPECT_NE(result.status, 0);
  EXPECT_THAT(result.err, AllOf(HasSubstr("2 tokens match"), HasSubstr("serial=")));
}

TEST_F(KeyCommandTest, AWrongPinIsTriedOnceOverAnyNumberOfCommands) {
  UseWrongPin();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(setup_.CreateKey().status, kPermission);
  EXPECT_EQ(setup_.ListKeys().status, kPermission);
  EXPECT_EQ(setup_.faults().Calls("C_Login"), 1U);
}

TEST_F(KeyCommandTest, TheRefusalNamesTheCommandThatUnlatches) {
  UseWrongPin();
  setup_.CreateKey();
  EXPECT_THAT(setup_.CreateKey().err,
              AllOf(HasSubstr("mortise token unlatch"), Not(HasSubstr("not-the-pin"))));
}

TEST_F(KeyCommandTest, UnlatchAllowsOneMoreTryAndLeavesATrace) {
  UseWrongPin();
  setup_.CreateKey();
  const CommandResult unlatched = setup_.Mortise({"token", "unlatch", "--token", "hsm"});
  EXPECT_EQ(unlatched.status, 0);
  EXPECT_THAT(unlatched.err, HasSubstr("pin_unlatched"));
  setup_.CreateKey();
  EXPECT_EQ(setup_.faults().Calls("C_Login"), 2U);
}

TEST_F(KeyCommandTest, RootWritesNothingIntoTheStateFolderOfAnotherUser) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a folder away";
  const std::string state = setup_.File("state");
  std::filesystem::create_directory(state);
  std::filesystem::permissions(state, std::filesystem::perms::owner_all);
  ASSERT_EQ(chown(state.c_str(), 12345, 12345), 0);
  for (const CommandResult& result :
       {setup_.CreateKey(), setup_.Mortise({"token", "unlatch", "--token", "hsm"})}) {
    EXPECT_EQ(result.status, kUsage);
    EXPECT_THAT(result.err, HasSubstr("run this as that user"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(state));
}

TEST_F(KeyCommandTest, APinFileThatOthersCanReadIsRefusedWithTheCommandThatMendsIt) {
  std::filesystem::permissions(setup_.token().pin_file(), std::filesystem::perms(0644));
  const CommandResult result = setup_.CreateKey();
  EXPECT_EQ(result.status, kUsage);
  EXPECT_THAT(result.err, HasSubstr("chmod 0400"));
  EXPECT_EQ(setup_.faults().Calls("C_Login"), 0U);
}

TEST_F(KeyCommandTest, ALibraryThatCrashesIsNamed) {
  setup_.CreateKey();
  setup_.faults().Crash("C_FindObjectsInit");
  const CommandResult result = setup_.ListKeys();
  EXPECT_EQ(result.status, kUnreachable);
  EXPECT_THAT(result.err, AllOf(HasSubstr("pkcs11-fault.so"), HasSubstr("signal 11")));
}

TEST_F(KeyCommandTest, ALibraryThatHangsIsGivenUp) {
  setup_.start_timeout = "1s";
  setup_.faults().Hang("C_OpenSession");
  EXPECT_EQ(setup_.ListKeys().status, kTimedOut);
}

}  // namespace
}  // namespace mortise::test
