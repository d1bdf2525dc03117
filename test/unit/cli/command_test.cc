// SPDX-License-Identifier: Apache-2.0
// The program as its user meets it: what it prints where, and its exit code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/version.h"
#include "hsm/canary.h"
#include "hsm/scheme/envelope.h"
#include "test/support/child_process.h"
#include "test/support/temp_dir.h"

namespace mortise::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

test::CommandResult Mortise(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), MORTISE_EXECUTABLE);
  return test::RunCommand(arguments);
}

// The words below "Subcommands:" in a help text.
std::vector<std::string> SubcommandsIn(const std::string& help) {
  std::vector<std::string> words;
  std::istringstream lines(help.substr(std::min(help.find("Subcommands:\n"), help.size())));
  std::string line, word;
  std::getline(lines, line);
  while (std::getline(lines, line) && line.starts_with("  ")) {
    std::istringstream(line) >> word;
    words.push_back(word);
  }
  return words;
}

void ExpectHelpWithAnExample(const std::vector<std::string>& command) {
  std::vector<std::string> arguments = command;
  arguments.push_back("--help");
  const test::CommandResult result = Mortise(arguments);
  EXPECT_EQ(result.status, 0);
  const std::vector<std::string> below = SubcommandsIn(result.out);
  if (below.empty()) {
    EXPECT_THAT(result.out, HasSubstr("Example")) << command.at(0);
    EXPECT_THAT(result.out, HasSubstr("\n  mortise " + command.at(0)));
  }
  for (const std::string& word : below) {
    std::vector<std::string> deeper = command;
    deeper.push_back(word);
    ExpectHelpWithAnExample(deeper);
  }
}

TEST(CommandTest, EveryCommandHasHelpWithAnExample) {
  ASSERT_THAT(SubcommandsIn(Mortise({"--help"}).out), testing::Contains("version"));
  ExpectHelpWithAnExample({});
}

TEST(CommandTest, NoCommandIsAUsageMistakeThatIsAnsweredByTheHelp) {
  const test::CommandResult result = Mortise({});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("Subcommands:"));
  EXPECT_THAT(result.out, IsEmpty());
}

TEST(CommandTest, HalfACommandIsAnsweredByItsOwnHelp) {
  const test::CommandResult result = Mortise({"config"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("check"));
}

TEST(CommandTest, AnUnknownCommandIsNamed) {
  const test::CommandResult result = Mortise({"bogus"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("bogus"));
  EXPECT_EQ(Mortise({"config", "bogus"}).status, 2);
}

TEST(CommandTest, AMissingFlagIsAUsageMistake) {
  const test::CommandResult result = Mortise({"config", "check"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("--config is required"));
}

TEST(CommandTest, AMisspeltFlagIsNamedAndNotTheOneThatIsThenMissing) {
  const test::CommandResult result = Mortise({"serve", "--confg", "x.yaml"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("not expected: --confg"));
}

TEST(VersionCommandTest, AlsoAnswersToAFlag) {
  const test::CommandResult result = Mortise({"--version"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, std::string(Version()) + "\n");
}

TEST(TokenInitCommandTest, SaysWhatToDoAboutAMissingPinFile) {
  const test::CommandResult result =
      Mortise({"token", "init", "--module", "/no.so", "--label", "x", "--pin-file", "/no/pin",
               "--so-pin-file", "/no/so-pin"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("write the PIN into it with mode 0400"));
}

TEST(VersionCommandTest, NamesTheBuildAsJson) {
  const test::CommandResult result = Mortise({"version", "-o", "json"});
  EXPECT_EQ(result.status, 0);
  const auto version = nlohmann::json::parse(result.out);
  EXPECT_EQ(version["version"], std::string(Version()));
  EXPECT_EQ(version["revision"], std::string(Revision()));
  for (const char* library : {"protobuf", "grpc", "openssl"}) {
    EXPECT_THAT(version[library].get<std::string>(), HasSubstr(".")) << library;
  }
}

TEST(VersionCommandTest, RefusesAnUnknownOutputForm) {
  const test::CommandResult result = Mortise({"version", "-o", "xml"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("must be table or json, not xml"));
}

TEST(VersionCommandTest, SaysThatItsOutputCouldNotBeWritten) {
  const test::CommandResult result =
      test::RunCommand({"/bin/sh", "-c", std::string(MORTISE_EXECUTABLE) + " version >/dev/full"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("cannot write to standard output"));
}

class ConfigCommandTest : public testing::Test {
 protected:
  ConfigCommandTest() {
    Write("v.so", "");
    Write("m.yaml", WithKeyring("version: v2"));
  }
  // A good configuration with one more line in its keyring.
  std::string WithKeyring(const std::string& line) const {
    return "stateDir: " + dir_ / "state" + "\ntokens:\n  - {name: a, module: " + dir_ / "v.so" +
           ", uri: \"pkcs11:token=a\", login: none}\nkeyrings:\n" +
           "  - {name: k, context: c, socket: " + dir_ / "kms.sock" + ", " + line + "}\n";
  }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_ / name) << text;
    chmod((dir_ / name).c_str(), 0600);
  }

  const test::TempDir dir_;
};

TEST_F(ConfigCommandTest, CheckSaysThatAConfigurationIsGood) {
  const test::CommandResult result = Mortise({"config", "check", "--config", dir_ / "m.yaml"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("good: 1 token, 1 keyring"));
}

TEST_F(ConfigCommandTest, CheckReadsKeysFilesAndNamesTheLineOfAMistake) {
  Write("listed.yaml", WithKeyring("discovery: file, keysFile: " + dir_ / "keys.yaml"));
  Write("keys.yaml", "- {generation: 1, label: a}\n");
  const test::CommandResult result = Mortise({"config", "check", "--config", dir_ / "listed.yaml"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr(dir_ / "keys.yaml" + ":1:3: [0].activation: is missing"));
}

TEST_F(ConfigCommandTest, CheckSaysWhatAnotherSchemeMeansForKeysThatExist) {
  const std::string key_id = "k.1.0123456789abcdef";
  mkdir((dir_ / "state").c_str(), 0700);
  mkdir((dir_ / "state/canaries").c_str(), 0700);
  const Bytes iv(12, 1), body(32, 1), tag(16, 1);
  Write("state/canaries/" + key_id + ".json",
        hsm::FormatCanary(
            {.key_id = key_id, .blob = hsm::Serialize(hsm::SchemeId::kAesGcm, iv, body, tag)}));
  Write("kwp.yaml", WithKeyring("scheme: aes-kwp"));
  const test::CommandResult result = Mortise({"config", "check", "--config", dir_ / "kwp.yaml"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("note: keyring k: generation 1 is of scheme aes-gcm and stays "
                                    "so: what it wrapped still opens"));
  EXPECT_THAT(Mortise({"config", "check", "--config", dir_ / "m.yaml"}).out,
              Not(HasSubstr("note:")));
}

TEST_F(ConfigCommandTest, CheckNotesWaiversAndWhatModeFipsRefuses) {
  Write("fips.yaml", WithKeyring("policy: {mode: fips, waive: {a: [CKA_LOCAL]}}"));
  const test::CommandResult result = Mortise({"config", "check", "--config", dir_ / "fips.yaml"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("note: keys of keyring k may wrap on token a whatever "
                                          "it says of CKA_LOCAL"),
                                HasSubstr("policy mode fips: nothing is wrapped with an IV")));
}

TEST_F(ConfigCommandTest, CheckPrintsEveryProblemAndExitsWith2) {
  Write("bad.yaml", "log: {level: loud}\nlogs: 1\n");
  const test::CommandResult result = Mortise({"config", "check", "--config", dir_ / "bad.yaml"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_THAT(result.err, AllOf(HasSubstr("mortise: " + dir_ / "bad.yaml" + ":1:14: log.level: "),
                                HasSubstr("mortise: " + dir_ / "bad.yaml" + ":2:1: logs: "),
                                HasSubstr("tokens: is missing")));
}

TEST_F(ConfigCommandTest, StatusNeedsNothingOfAConfigurationButTheMetricsAddress) {
  Write("bad.yaml",
        "stateDir: /nowhere/at/all\nmetrics: {address: \"127.0.0.1:1\"}\n"
        "tokens: [{name: a, pinFile: /no/such/pin}]\n");
  const test::CommandResult result = Mortise({"status", "--config", dir_ / "bad.yaml"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("http://127.0.0.1:1: "));
}

TEST_F(ConfigCommandTest, ShowPrintsWhatCheckAccepts) {
  const test::CommandResult shown = Mortise({"config", "show", "--config", dir_ / "m.yaml"});
  EXPECT_THAT(shown.out, HasSubstr("hangLimit: 10s"));
  Write("shown.yaml", shown.out);
  EXPECT_EQ(Mortise({"config", "check", "--config", dir_ / "shown.yaml"}).status, 0);
}

}  // namespace
}  // namespace mortise::cli
