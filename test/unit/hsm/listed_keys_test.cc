// SPDX-License-Identifier: Apache-2.0
#include "hsm/listed_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "test/support/temp_dir.h"
#include "test/unit/hsm/generations_fixture.h"

namespace mortise::hsm {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kOne =
    "- {generation: 1, label: a, activation: 2026-05-01T12:00:00Z, scheme: aes-gcm}\n";
constexpr std::string_view kTwo =
    "- {generation: 2, label: b, activation: 2026-05-01T12:00:00Z, scheme: aes-gcm}\n";

class ListedKeysTest : public ::testing::Test {
 protected:
  ListedKeysTest() {
    keyring_.name = "prod";
    keyring_.keys_file = dir_ / "keys.yaml";
  }
  void Write(const std::string& text, mode_t mode = 0600) {
    std::ofstream(keyring_.keys_file) << text;
    chmod(keyring_.keys_file.c_str(), mode);
  }
  static auto Refused(const std::string& why) {
    return ElementsAre(AllOf(Named("keys_file_refused"), Field(&Event::message, HasSubstr(why))));
  }

  const test::TempDir dir_;
  config::Keyring keyring_;
};

TEST_F(ListedKeysTest, ReadsANewVersionAndSaysSoOnce) {
  Write(std::string(kOne));
  ListedKeys listed(keyring_);
  EXPECT_EQ(listed.keys(), nullptr);
  EXPECT_THAT(listed.Refresh(), ElementsAre(Named("keys_file_read")));
  EXPECT_THAT(listed.keys()->keys, SizeIs(1));
  EXPECT_THAT(listed.Refresh(), IsEmpty());
  Write(std::string(kOne) + std::string(kTwo));
  EXPECT_THAT(listed.Refresh(), ElementsAre(Named("keys_file_read")));
  EXPECT_THAT(listed.keys()->keys, SizeIs(2));
}

TEST_F(ListedKeysTest, KeepsTheLastGoodVersionAndNamesTheLineOfTheMistake) {
  Write(std::string(kOne));
  ListedKeys listed(keyring_);
  listed.Refresh();
  Write(std::string(kOne) + "- {generation: 2, lable: b}\n");
  EXPECT_THAT(listed.Refresh(), Refused("keys.yaml:2:19: [1].lable: unknown key"));
  EXPECT_THAT(listed.Refresh(), IsEmpty());
  EXPECT_THAT(listed.keys()->keys, SizeIs(1));
  EXPECT_THAT(listed.problem(), HasSubstr("lable"));
  Write(std::string(kOne));
  EXPECT_THAT(listed.Refresh(), IsEmpty());
  EXPECT_THAT(listed.problem(), IsEmpty());
}

TEST_F(ListedKeysTest, KeepsTheLastGoodVersionWhenTheFileIsGoneOrEmptied) {
  Write(std::string(kOne));
  ListedKeys listed(keyring_);
  listed.Refresh();
  Write("");
  EXPECT_THAT(listed.Refresh(), Refused("the file is empty"));
  unlink(keyring_.keys_file.c_str());
  EXPECT_THAT(listed.Refresh(), Refused("No such file"));
  EXPECT_THAT(listed.keys()->keys, SizeIs(1));
}

TEST_F(ListedKeysTest, TakesNoVersionThatOthersCouldHaveWritten) {
  Write(std::string(kOne), 0666);
  ListedKeys listed(keyring_);
  EXPECT_THAT(listed.Refresh(), Refused("can be written by group or others"));
  EXPECT_EQ(listed.keys(), nullptr);
}

TEST_F(ListedKeysTest, SaysWhichGenerationIsNoLongerListed) {
  Write(std::string(kOne) + std::string(kTwo));
  ListedKeys listed(keyring_);
  listed.Refresh();
  Write(std::string(kTwo));
  EXPECT_THAT(
      listed.Refresh(),
      ElementsAre(Named("keys_file_read"),
                  AllOf(Named("key_unlisted"),
                        Field(&Event::message, HasSubstr("generation 1 is no longer listed")))));
}

}  // namespace
}  // namespace mortise::hsm
