// SPDX-License-Identifier: Apache-2.0
#include "config/keys_file.h"

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
using testing::SizeIs;

constexpr std::string_view kGoodKeys = R"(- generation: 1
  label: kek-2026
  activation: 2026-03-01T12:00:00Z
  scheme: aes-gcm
- generation: 2
  id: "0c5e8f1a90b2d477"
  authenticator: {label: mac-2027}
  activation: 2027-03-01T12:00:00Z
  scheme: aes-cbc-hmac
)";

std::vector<std::string> ProblemsOfKeys(const std::string& text) {
  try {
    ParseKeysFile(text, "k.yaml");
  } catch (const ConfigError& error) {
    return error.problems();
  }
  return {};
}

std::string Changed(std::string_view from, std::string_view to) {
  std::string text(kGoodKeys);
  const std::size_t at = text.find(from);
  if (at == std::string::npos) return "the test's own mistake: nothing to replace";
  return text.replace(at, from.size(), to);
}

TEST(KeysFileTest, ReadsWhatEveryEntrySays) {
  const KeysFile file = ParseKeysFile(std::string(kGoodKeys), "k.yaml");
  ASSERT_THAT(file.keys, SizeIs(2));
  const ListedKey &first = file.keys[0], &second = file.keys[1];
  EXPECT_EQ(first.generation, 1U);
  EXPECT_EQ(first.wrap.label, "kek-2026");
  EXPECT_THAT(first.wrap.cka_id, IsEmpty());
  EXPECT_EQ(FormatTime(first.activation), "2026-03-01T12:00:00Z");
  EXPECT_EQ(first.scheme, "aes-gcm");
  EXPECT_EQ(first.state, ListedState::kActive);
  EXPECT_FALSE(first.authenticator);
  EXPECT_EQ(second.wrap.cka_id, "\x0c\x5e\x8f\x1a\x90\xb2\xd4\x77");
  ASSERT_TRUE(second.authenticator);
  EXPECT_EQ(second.authenticator->label, "mac-2027");
}

TEST(KeysFileTest, ReadsStatesAndSalts) {
  const KeysFile file = ParseKeysFile(
      "- {generation: 1, id: \"01\", salt: \"0011223344556677\", activation: 2026-03-01T12:00:00Z,"
      " scheme: aes-kwp, state: decrypt-only}\n"
      "- {generation: 2, label: b, activation: 2026-03-01T12:00:00Z, scheme: aes-kwp,"
      " state: withdrawn}\n",
      "k.yaml");
  EXPECT_EQ(file.keys.at(0).state, ListedState::kDecryptOnly);
  EXPECT_THAT(file.keys.at(0).wrap.salt, SizeIs(8));
  EXPECT_EQ(file.keys.at(1).state, ListedState::kWithdrawn);
}

TEST(KeysFileTest, LetsAnIdTellKeysOfOneLabelApart) {
  EXPECT_THAT(
      ProblemsOfKeys("- {generation: 1, label: a, id: \"0011223344556677\", scheme: aes-kwp,"
                     " activation: 2026-03-01T12:00:00Z}\n"
                     "- {generation: 2, label: a, id: \"0011223344556678\", scheme: aes-kwp,"
                     " activation: 2026-03-01T12:00:00Z}\n"),
      IsEmpty());
}

struct BadKeys {
  std::string name;
  std::string text;
  std::string problem;
};
void PrintTo(const BadKeys& bad, std::ostream* out) {
  *out << bad.name;
}
class KeysFileRefuses : public testing::TestWithParam<BadKeys> {};

TEST_P(KeysFileRefuses, ItByItsLine) {
  EXPECT_THAT(ProblemsOfKeys(GetParam().text), ElementsAre(HasSubstr(GetParam().problem)));
}

INSTANTIATE_TEST_SUITE_P(
    Files, KeysFileRefuses,
    testing::Values(
        BadKeys{"AnEmptyFile", "", "k.yaml:1:1: the file is empty"},
        BadKeys{"NoList", "keys: 1", "must be a list of keys"},
        BadKeys{"AnEmptyList", "[]", "must be a list of keys"},
        BadKeys{"AnEntryThatIsNoMap", std::string(kGoodKeys) + "- kek\n",
                "k.yaml:10:3: [2]: must be a map"},
        BadKeys{"AnUnknownKey", Changed("  scheme: aes-gcm", "  scheme: aes-gcm\n  keyId: x"),
                "k.yaml:5:3: [0].keyId: unknown key"},
        BadKeys{"AnUnknownKeyOfAnAuthenticator",
                Changed("{label: mac", "{state: active, label: mac"),
                "[1].authenticator.state: unknown key"},
        BadKeys{"ADuplicateKey", Changed("  scheme: aes-gcm", "  scheme: aes-gcm\n  label: x"),
                "duplicate key"},
        BadKeys{"AMissingGeneration", Changed("- generation: 1\n  label", "- label"),
                "[0].generation: is missing"},
        BadKeys{"GenerationZero", Changed("generation: 1", "generation: 0"), "0 is out of range"},
        BadKeys{"Generation10000", Changed("generation: 1", "generation: 10000"),
                "10000 is out of range; it may be 1 to 9999"},
        BadKeys{"AGenerationListedTwice", Changed("generation: 2", "generation: 1"),
                "k.yaml:5:15: [1].generation: 1 is listed twice; the first is at line 1"},
        BadKeys{"AMissingActivation", Changed("  activation: 2026-03-01T12:00:00Z\n", ""),
                "[0].activation: is missing"},
        BadKeys{"ATimeWithoutItsZone", Changed("2026-03-01T12:00:00Z", "2026-03-01T12:00:00"),
                "k.yaml:3:15: [0].activation: must be a time in UTC"},
        BadKeys{"ADayThatIsNone", Changed("2026-03-01T", "2026-02-30T"), "must be a time in UTC"},
        BadKeys{"AMissingScheme", Changed("  scheme: aes-gcm\n", ""), "[0].scheme: is missing"},
        BadKeys{"SchemeAuto", Changed("aes-gcm", "auto"), "\"auto\" is unknown"},
        BadKeys{"AnUnknownState", Changed("  scheme: aes-gcm", "  scheme: aes-gcm\n  state: on"),
                "[0].state: \"on\" is unknown; known: active, decrypt-only, withdrawn"},
        BadKeys{"AnEntryWithoutAName", Changed("  label: kek-2026\n", ""),
                "k.yaml:1:3: [0]: names no object"},
        BadKeys{"AnIdThatIsNoHex", Changed("0c5e8f1a90b2d477", "0c5e8f1a90b2d47"),
                "[1].id: must be hexadecimal"},
        BadKeys{"ANumberForAnId", Changed("\"0c5e8f1a90b2d477\"", "12345678"),
                "[1].id: must be text; put the value in quotes"},
        BadKeys{"AShortIdWithoutASalt", Changed("0c5e8f1a90b2d477", "0c5e"),
                "[1].salt: is missing: an id of less than 8 bytes"},
        BadKeys{"AShortSalt", Changed("  label: kek", "  salt: \"00\"\n  label: kek"),
                "[0].salt: must have 8 to 64 bytes, not 1"},
        BadKeys{"ALabelListedTwice", Changed("id: \"0c5e8f1a90b2d477\"", "label: kek-2026"),
                "k.yaml:5:3: [1]: label \"kek-2026\" is also what the entry at line 1 names"},
        BadKeys{"AnIdListedTwice", Changed("label: kek-2026", "id: \"0c5e8f1a90b2d477\""),
                "[1]: id 0c5e8f1a90b2d477 is also what the entry at line 1 names"},
        BadKeys{"ASecondKeyThatIsMissing", Changed("  authenticator: {label: mac-2027}\n", ""),
                "[1].authenticator: is missing; scheme aes-cbc-hmac needs"},
        BadKeys{"ASecondKeyThatTheSchemeDoesNotHave",
                Changed("label: kek-2026", "label: kek-2026\n  authenticator: {label: m}"),
                "[0].authenticator: is not used with scheme aes-gcm"},
        BadKeys{"AnAuthenticatorWithoutAName", Changed("{label: mac-2027}", "{}"),
                "[1].authenticator: names no object"}),
    [](const auto& info) { return info.param.name; });

TEST(KeysFileTest, TellsAllProblemsAtOnceInTheOrderOfTheFile) {
  std::string text = Changed("generation: 1", "generation: x");
  text.replace(text.find("aes-cbc-hmac"), 12, "aes-ctr");
  EXPECT_THAT(ProblemsOfKeys(text), ElementsAre(HasSubstr("k.yaml:1:15:"), HasSubstr("k.yaml:9:")));
}

TEST(KeysFileTest, ListsNoAuthenticatorForTwoGenerations) {
  const std::string second =
      "- {generation: 3, label: c, authenticator: {label: mac-2027}, scheme: aes-cbc-hmac,"
      " activation: 2028-03-01T12:00:00Z}\n";
  EXPECT_THAT(ProblemsOfKeys(std::string(kGoodKeys) + second),
              ElementsAre(HasSubstr("[2].authenticator: label \"mac-2027\" is also the "
                                    "authenticator of the entry at line 5")));
}

// Two keyrings of one token, each with its file.
class KeysFilesTest : public testing::Test {
 protected:
  KeysFilesTest() {
    config_.tokens = {{.name = "hsm-a"}, {.name = "hsm-b"}};
    for (const char* name : {"prod", "test"}) {
      Keyring& keyring = config_.keyrings.emplace_back();
      keyring.name = name;
      keyring.tokens = {"hsm-a"};
      keyring.discovery = Discovery::kFile;
      keyring.keys_file = dir_ / name;
    }
    Write("prod", std::string(kGoodKeys));
  }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_ / name) << text;
    chmod((dir_ / name).c_str(), 0600);
  }

  const test::TempDir dir_;
  Config config_;
};

constexpr std::string_view kSameId =
    "- {generation: 7, id: \"0c5e8f1a90b2d477\", scheme: aes-kwp, activation: "
    "2026-03-01T12:00:00Z}\n";

TEST_F(KeysFilesTest, AreGoodWhereEachKeyringHasItsOwnKeys) {
  Write("test",
        "- {generation: 1, label: other, scheme: aes-kwp, activation: 2026-03-01T12:00:00Z}");
  EXPECT_THAT(ProblemsOfKeysFiles(config_), IsEmpty());
}

TEST_F(KeysFilesTest, AreRefusedWhereTwoKeyringsListOneCkaId) {
  Write("test", std::string(kSameId));
  EXPECT_THAT(ProblemsOfKeysFiles(config_),
              ElementsAre(HasSubstr("id 0c5e8f1a90b2d477 is also listed for keyring prod")));
}

TEST_F(KeysFilesTest, MayListEqualIdsOfDifferentTokens) {
  Write("test", std::string(kSameId));
  config_.keyrings[1].tokens = {"hsm-b"};
  EXPECT_THAT(ProblemsOfKeysFiles(config_), IsEmpty());
}

TEST_F(KeysFilesTest, AreRefusedWhenMissingOrWritableByOthers) {
  unlink((dir_ / "test").c_str());
  chmod((dir_ / "prod").c_str(), 0666);
  EXPECT_THAT(ProblemsOfKeysFiles(config_),
              ElementsAre(HasSubstr(dir_ / "prod"), HasSubstr(dir_ / "test")));
}

TEST_F(KeysFilesTest, AreNotReadWhereKeysAreFoundByTheirLabels) {
  config_.keyrings.resize(1);
  config_.keyrings[0].discovery = Discovery::kToken;
  config_.keyrings[0].keys_file = "/nowhere";
  EXPECT_THAT(ProblemsOfKeysFiles(config_), IsEmpty());
}

}  // namespace
}  // namespace mortise::config
