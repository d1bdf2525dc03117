// SPDX-License-Identifier: Apache-2.0
// `mortise token list`, `init` and `pin`, as an operator meets them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "test/support/terminal.h"
#include "test/token/configured_token.h"

namespace mortise::test {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int kGood = 0, kFailed = 1, kUsage = 2, kUnreachable = 6, kPermission = 7;
constexpr std::uint64_t kDeviceError = 0x30;

class TokenCommandTest : public ::testing::Test {
 protected:
  // `mortise token` on the library itself, with the environment that a shell would have.
  std::vector<std::string> Words(std::vector<std::string> words) const {
    words.insert(words.begin(), {MORTISE_EXECUTABLE, "token"});
    words.insert(words.end(), {"--module", SoftHsmToken::FaultModule()});
    return words;
  }
  CommandResult Token(const std::vector<std::string>& words) {
    return RunCommand(Words(words), setup_.token().environment());
  }
  CommandResult Reinitialise(const std::vector<std::string>& more) {
    std::vector<std::string> words = {"init",       "--label",       "test",
                                      "--pin-file", setup_.pin_file, "--so-pin-file",
                                      so_pin_file_, "--reinitialise"};
    words.insert(words.end(), more.begin(), more.end());
    return Token(words);
  }
  CommandResult Change(const std::string& pin_file, const std::string& new_pin_file) {
    return Token({"pin", "change", "--label", "test", "--pin-file", pin_file, "--new-pin-file",
                  new_pin_file});
  }
  CommandResult Verify() { return setup_.Mortise({"token", "pin", "--verify", "--token", "hsm"}); }

  std::string PinFile(const std::string& name, const std::string& text, mode_t mode = 0400) {
    setup_.Write(name, text, mode);
    return setup_.File(name);
  }
  // Loses it if the token is erased.
  void MakeKey() { ASSERT_EQ(setup_.CreateKey().status, kGood); }
  bool HasKey() { return setup_.ListKeys().out.find("\"keyId\"") != std::string::npos; }

  ConfiguredToken setup_;
  std::string so_pin_file_ = setup_.token().so_pin_file();
};

// The initialised token of `token list -o json --module`.
json OnlyToken(const CommandResult& listed) {
  const json report = json::parse(listed.out);
  EXPECT_EQ(report.at("schemaVersion"), 1);
  for (const json& slot : report.at("modules").at(0).at("slots")) {
    if (!slot.at("token").is_null() && slot["token"].at("initialized") == true)
      return slot["token"];
  }
  ADD_FAILURE() << listed.out;
  return {};
}

TEST_F(TokenCommandTest, ListTellsWhatATokenSaysOfItself) {
  const CommandResult listed = Token({"list", "-o", "json"});
  ASSERT_EQ(listed.status, kGood) << listed.err;
  const json token = OnlyToken(listed);
  EXPECT_EQ(token.at("label"), "test");
  EXPECT_EQ(token.at("serial").get<std::string>().size(), 16U);
  EXPECT_EQ(token.at("manufacturer"), "SoftHSM project");
  EXPECT_EQ(token.at("firmware"), "2.6");
  EXPECT_EQ(token.at("userPin").at("initialized"), true);
  EXPECT_EQ(token.at("userPin").at("countLow"), false);
  EXPECT_EQ(token.at("userPin").at("minSize"), 4);
  EXPECT_TRUE(token.at("sessions").at("max").is_null());
  EXPECT_THAT(token.at("flags"), ::testing::Contains("LOGIN_REQUIRED"));
}

TEST_F(TokenCommandTest, ListTellsALimitOfSessions) {
  setup_.faults().Play("max-sessions=5");
  EXPECT_EQ(OnlyToken(Token({"list", "-o", "json"})).at("sessions").at("max"), 5);
  EXPECT_THAT(Token({"list"}).out, HasSubstr(" ? of 5 "));
}

TEST_F(TokenCommandTest, ListNeverLogsInNorOpensASession) {
  ASSERT_EQ(Token({"list"}).status, kGood);
  EXPECT_EQ(setup_.faults().Calls("C_Login"), 0U);
  EXPECT_EQ(setup_.faults().Calls("C_OpenSession"), 0U);
}

TEST_F(TokenCommandTest, ListSaysWhichConfiguredTokenIsWhichSlot) {
  const CommandResult listed = setup_.Mortise({"token", "list"});
  ASSERT_EQ(listed.status, kGood) << listed.err;
  EXPECT_THAT(listed.out, AllOf(HasSubstr("CONFIGURED AS"), HasSubstr(" hsm "),
                                HasSubstr("(not initialised)"), HasSubstr(" good ")));
}

TEST_F(TokenCommandTest, ListNamesAConfiguredTokenThatNoSlotHas) {
  setup_.uri = "pkcs11:token=absent";
  const CommandResult listed = setup_.Mortise({"token", "list", "-o", "json"});
  EXPECT_EQ(listed.status, kUnreachable);
  EXPECT_THAT(listed.err, AllOf(HasSubstr("token hsm: no token matches"), HasSubstr("token=test")));
  EXPECT_EQ(OnlyToken(listed).at("label"), "test");
}

// libp11 lists no slot at all then; Cryptoki alone goes on.
TEST_F(TokenCommandTest, ListShowsTheOtherSlotsWhereOneIsBroken) {
  setup_.faults().Once("C_GetTokenInfo", kDeviceError);  // of libp11
  setup_.faults().Once("C_GetTokenInfo", 0);
  setup_.faults().Once("C_GetTokenInfo", kDeviceError);  // the blank slot, which is the second
  const CommandResult listed = Token({"list", "-o", "json"});
  EXPECT_EQ(listed.status, kUnreachable);
  EXPECT_THAT(listed.err, HasSubstr("CKR_DEVICE_ERROR"));
  EXPECT_EQ(OnlyToken(listed).at("label"), "test");
  EXPECT_THAT(json::parse(listed.out)["modules"][0].at("withoutLibp11").get<std::string>(),
              HasSubstr("CKR_DEVICE_ERROR"));
}

TEST_F(TokenCommandTest, ListNamesALibraryThatCrashes) {
  setup_.faults().Crash("C_GetSlotList");
  const CommandResult listed = setup_.Mortise({"token", "list"});
  EXPECT_EQ(listed.status, kUnreachable);
  EXPECT_THAT(listed.err, AllOf(HasSubstr("pkcs11-fault.so"), HasSubstr("signal 11")));
}

TEST_F(TokenCommandTest, ListWantsToKnowWhatToList) {
  const CommandResult listed = RunCommand({MORTISE_EXECUTABLE, "token", "list"});
  EXPECT_EQ(listed.status, kUsage);
  EXPECT_THAT(listed.err, HasSubstr("--config FILE"));
}

TEST_F(TokenCommandTest, InitNeverErasesATokenThatIsThere) {
  MakeKey();
  for (const char* extra : {"--if-missing", "--pin-file"}) {
    std::vector<std::string> words = {"init", "--label", "test", "--so-pin-file", so_pin_file_};
    if (std::string(extra) == "--if-missing") words.emplace_back(extra);
    words.insert(words.end(), {"--pin-file", setup_.pin_file});
    const CommandResult result = Token(words);
    EXPECT_EQ(result.status, std::string(extra) == "--if-missing" ? kGood : kUsage);
    EXPECT_THAT(result.out + result.err, HasSubstr("is there already; nothing was changed"));
  }
  EXPECT_TRUE(HasKey());
}

TEST_F(TokenCommandTest, ReinitialiseErasesTheKeysOfTheConfirmedToken) {
  MakeKey();
  const CommandResult erased = Reinitialise({"--confirm", "test"});
  EXPECT_EQ(erased.status, kGood) << erased.err;
  EXPECT_THAT(erased.err, HasSubstr("token_erased"));
  EXPECT_FALSE(HasKey());
  EXPECT_EQ(Verify().status, kGood);
}

TEST_F(TokenCommandTest, ReinitialiseErasesNothingWithoutTheRightConfirmation) {
  MakeKey();
  const CommandResult wrong = Reinitialise({"--confirm", "tset"});
  EXPECT_EQ(wrong.status, kUsage);
  EXPECT_THAT(wrong.err, AllOf(HasSubstr("\"tset\" is not the label"), HasSubstr("nothing")));
  const CommandResult none = Reinitialise({});
  EXPECT_EQ(none.status, kUsage);
  EXPECT_THAT(none.err, HasSubstr("--confirm LABEL"));
  const CommandResult both = Reinitialise({"--confirm", "test", "--if-missing"});
  EXPECT_EQ(both.status, kUsage);
  EXPECT_EQ(setup_.faults().Calls("C_InitToken"), 0U);
  EXPECT_TRUE(HasKey());
}

TEST_F(TokenCommandTest, ReinitialiseErasesNothingByAWrongOfficersPin) {
  MakeKey();
  so_pin_file_ = PinFile("wrong", "not-the-so-pin");
  const CommandResult result = Reinitialise({"--confirm", "test"});
  EXPECT_EQ(result.status, kPermission);
  EXPECT_THAT(result.err, AllOf(HasSubstr("CKR_PIN_INCORRECT"), Not(HasSubstr("not-the-so-pin"))));
  EXPECT_TRUE(HasKey());
}

TEST_F(TokenCommandTest, ReinitialiseOfALabelThatNoTokenHasIsRefused) {
  const CommandResult result =
      Token({"init", "--label", "other", "--reinitialise", "--confirm", "other", "--pin-file",
             setup_.pin_file, "--so-pin-file", so_pin_file_});
  EXPECT_EQ(result.status, kUsage);
  EXPECT_THAT(result.err, HasSubstr("no token \"other\""));
}

TEST_F(TokenCommandTest, PinFilesThatOthersCanReadOrThatAreEmptyAreRefusedUnsent) {
  const CommandResult open = Change(PinFile("open", "1234", 0644), setup_.pin_file);
  EXPECT_EQ(open.status, kPermission);
  EXPECT_THAT(open.err, HasSubstr("chmod 0400"));
  const CommandResult empty = Change(setup_.pin_file, PinFile("empty", "\n"));
  EXPECT_EQ(empty.status, kUsage);
  EXPECT_THAT(empty.err, HasSubstr("empty (given by --new-pin-file): its first line is empty"));
  EXPECT_EQ(setup_.faults().Calls("C_SetPIN"), 0U);
}

TEST_F(TokenCommandTest, ChangeGivesTheUserANewPin) {
  const std::string new_pin = PinFile("new", "a-new-pin");
  const CommandResult changed = Change(setup_.pin_file, new_pin);
  ASSERT_EQ(changed.status, kGood) << changed.err;
  EXPECT_THAT(changed.err, AllOf(HasSubstr("pin_changed"), Not(HasSubstr("a-new-pin"))));
  setup_.pin_file = new_pin;
  EXPECT_EQ(Verify().status, kGood);
}

TEST_F(TokenCommandTest, ChangeOfAConfiguredTokenSaysWhereTheServiceReadsItsPin) {
  const CommandResult changed =
      setup_.Mortise({"token", "pin", "change", "--token", "hsm", "--pin-file", setup_.pin_file,
                      "--new-pin-file", PinFile("new", "a-new-pin")});
  ASSERT_EQ(changed.status, kGood) << changed.err;
  EXPECT_THAT(changed.out, HasSubstr("put the new one into " + setup_.pin_file));
}

TEST_F(TokenCommandTest, ChangeLatchesAPresentPinThatTheTokenRejected) {
  const std::vector<std::string> words = {"token",
                                          "pin",
                                          "change",
                                          "--token",
                                          "hsm",
                                          "--pin-file",
                                          PinFile("wrong", "not-the-pin"),
                                          "--new-pin-file",
                                          PinFile("new", "a-new-pin")};
  EXPECT_EQ(setup_.Mortise(words).status, kPermission);
  EXPECT_EQ(setup_.Mortise(words).status, kPermission);
  EXPECT_EQ(setup_.faults().Calls("C_SetPIN"), 1U);
}

TEST_F(TokenCommandTest, ANewPinOfAWrongLengthIsNotSent) {
  const CommandResult result = Change(setup_.pin_file, PinFile("short", "123"));
  EXPECT_EQ(result.status, kUsage);
  EXPECT_THAT(result.err, HasSubstr("4 to 255 bytes"));
  EXPECT_EQ(setup_.faults().Calls("C_SetPIN"), 0U);
}

TEST_F(TokenCommandTest, SetGivesTheUserAPinByTheOfficers) {
  const std::string new_pin = PinFile("new", "a-new-pin");
  const CommandResult set = Token(
      {"pin", "set", "--label", "test", "--so-pin-file", so_pin_file_, "--new-pin-file", new_pin});
  ASSERT_EQ(set.status, kGood) << set.err;
  setup_.pin_file = new_pin;
  EXPECT_EQ(Verify().status, kGood);
}

TEST_F(TokenCommandTest, SetTellsOfAWrongOfficersPinAndChangesNothing) {
  const CommandResult set =
      Token({"pin", "set", "--label", "test", "--so-pin-file", PinFile("wrong", "not-the-so-pin"),
             "--new-pin-file", PinFile("new", "a-new-pin")});
  EXPECT_EQ(set.status, kPermission);
  EXPECT_THAT(set.err, AllOf(HasSubstr("CKR_PIN_INCORRECT"), HasSubstr("Tries are counted"),
                             Not(HasSubstr("not-the-so-pin"))));
  EXPECT_EQ(Verify().status, kGood);
}

// libp11 alone would wait for a session for ever.
TEST_F(TokenCommandTest, ATokenThatOpensNoSessionIsToldOf) {
  setup_.faults().Answer("C_OpenSession", kDeviceError);
  const CommandResult changed = Change(setup_.pin_file, PinFile("new", "a-new-pin"));
  EXPECT_EQ(changed.status, kUnreachable);
  EXPECT_THAT(changed.err, HasSubstr("C_OpenSession"));
}

TEST_F(TokenCommandTest, VerifyLogsInOnceAndSendsARejectedPinNoMore) {
  EXPECT_EQ(Verify().status, kGood);
  EXPECT_EQ(setup_.faults().Calls("C_Login"), 1U);
  setup_.pin_file = PinFile("wrong", "not-the-pin");
  EXPECT_EQ(Verify().status, kPermission);
  const CommandResult again = Verify();
  EXPECT_EQ(again.status, kPermission);
  EXPECT_THAT(again.err, AllOf(HasSubstr("token unlatch"), Not(HasSubstr("not-the-pin"))));
  EXPECT_EQ(setup_.faults().Calls("C_Login"), 2U);
}

TEST_F(TokenCommandTest, ListShowsThatFewTriesAreLeftAfterAWrongPin) {
  const std::string right = setup_.pin_file;
  setup_.pin_file = PinFile("wrong", "not-the-pin");
  ASSERT_EQ(Verify().status, kPermission);
  EXPECT_THAT(Token({"list"}).out, HasSubstr(" count low "));
  setup_.pin_file = right;
  const CommandResult verified = Verify();
  EXPECT_EQ(verified.status, kGood);
  EXPECT_THAT(verified.out, HasSubstr("a wrong one had been tried before"));
}

TEST_F(TokenCommandTest, NoPinIsSentWhereOneTryIsLeft) {
  setup_.faults().Play("token-flags=0x20000");  // CKF_USER_PIN_FINAL_TRY
  const CommandResult listed = setup_.Mortise({"token", "list"});
  EXPECT_THAT(listed.out, HasSubstr(" final try "));
  const CommandResult verified = Verify();
  EXPECT_EQ(verified.status, kPermission);
  EXPECT_THAT(verified.err, AllOf(HasSubstr("one try left"), HasSubstr("token pin set")));
  const CommandResult changed =
      setup_.Mortise({"token", "pin", "change", "--token", "hsm", "--pin-file", setup_.pin_file,
                      "--new-pin-file", PinFile("new", "a-new-pin")});
  EXPECT_EQ(changed.status, kPermission);
  EXPECT_EQ(setup_.faults().Calls("C_Login") + setup_.faults().Calls("C_SetPIN"), 0U);
}

TEST_F(TokenCommandTest, HelpShowsAnExample) {
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"list"}, {"init"}, {"pin"}, {"pin", "set"}, {"pin", "change"}}) {
    std::vector<std::string> words = {MORTISE_EXECUTABLE, "token"};
    words.insert(words.end(), command.begin(), command.end());
    words.emplace_back("--help");
    const CommandResult help = RunCommand(words);
    EXPECT_EQ(help.status, kGood);
    EXPECT_THAT(help.out, HasSubstr("Example:\n  mortise token " + command.front()));
  }
}

// A person at a terminal, who sees what it shows.
class TokenDialogTest : public TokenCommandTest {
 protected:
  Terminal Start(const std::vector<std::string>& words) {
    return Terminal(Words(words), setup_.token().environment());
  }
  std::string Pin() { return ReadFile(setup_.pin_file); }
};

TEST_F(TokenDialogTest, PinsAreAskedForAndNeverShown) {
  Terminal terminal = Start({"pin", "change", "--label", "test"});
  ASSERT_TRUE(terminal.Await("present PIN of token \"test\": ")) << terminal.Shown();
  EXPECT_FALSE(terminal.IsEchoing());
  terminal.Type(Pin() + "\n");
  ASSERT_TRUE(terminal.Await("new PIN of token \"test\": "));
  terminal.Type("typed-new-pin\n");
  ASSERT_TRUE(terminal.Await("once more: "));
  terminal.Type("typed-new-pin\n");
  EXPECT_EQ(terminal.Wait(), kGood) << terminal.Shown();
  EXPECT_THAT(terminal.Shown(), AllOf(HasSubstr("was changed"), Not(HasSubstr("typed-new-pin")),
                                      Not(HasSubstr(Pin()))));
  EXPECT_TRUE(terminal.IsEchoing());
  setup_.pin_file = PinFile("new", "typed-new-pin");
  EXPECT_EQ(Verify().status, kGood);
}

TEST_F(TokenDialogTest, ANewPinTypedInTwoWaysChangesNothing) {
  Terminal terminal = Start({"pin", "set", "--label", "test", "--so-pin-file", so_pin_file_});
  ASSERT_TRUE(terminal.Await("new PIN of token \"test\": "));
  terminal.Type("typed-new-pin\n");
  ASSERT_TRUE(terminal.Await("once more: "));
  terminal.Type("typed-new-pni\n");
  EXPECT_EQ(terminal.Wait(), kUsage);
  EXPECT_THAT(terminal.Shown(), HasSubstr("not the same; nothing was changed"));
  EXPECT_EQ(setup_.faults().Calls("C_Login"), 0U);
}

TEST_F(TokenDialogTest, CtrlCLeavesTheTerminalAsItWas) {
  Terminal terminal = Start({"pin", "change", "--label", "test"});
  ASSERT_TRUE(terminal.Await("present PIN"));
  terminal.Type("half\x03");
  EXPECT_EQ(terminal.Wait(), kFailed);
  EXPECT_TRUE(terminal.IsEchoing());
  EXPECT_THAT(terminal.Shown(), AllOf(HasSubstr("cancelled"), Not(HasSubstr("half"))));
}

TEST_F(TokenDialogTest, ErasingWaitsForTheTypedLabel) {
  MakeKey();
  const std::vector<std::string> words = {"init",           "--label",    "test",
                                          "--reinitialise", "--pin-file", setup_.pin_file,
                                          "--so-pin-file",  so_pin_file_};
  Terminal wrong = Start(words);
  ASSERT_TRUE(wrong.Await("type the token's label: ")) << wrong.Shown();
  wrong.Type("yes\n");
  EXPECT_EQ(wrong.Wait(), kUsage);
  EXPECT_THAT(wrong.Shown(), HasSubstr("nothing was erased"));
  EXPECT_TRUE(HasKey());
  Terminal right = Start(words);
  ASSERT_TRUE(right.Await("type the token's label: "));
  right.Type("test\n");
  EXPECT_EQ(right.Wait(), kGood) << right.Shown();
  EXPECT_FALSE(HasKey());
}

TEST_F(TokenCommandTest, WithoutATerminalAMissingPinFileIsAskedForInWords) {
  const CommandResult changed = Token({"pin", "change", "--label", "test"});
  EXPECT_EQ(changed.status, kUsage);
  EXPECT_THAT(changed.err, HasSubstr("no terminal to ask a person on; give --pin-file"));
  EXPECT_THAT(changed.out, IsEmpty());
}

}  // namespace
}  // namespace mortise::test
