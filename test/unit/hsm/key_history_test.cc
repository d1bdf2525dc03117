// SPDX-License-Identifier: Apache-2.0
#include "hsm/key_history.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "base/file.h"
#include "test/support/matchers.h"
#include "test/support/read_only.h"
#include "test/support/temp_dir.h"

namespace mortise::hsm {
namespace {

using test::ThrowsError;
using ::testing::HasSubstr;
using ::testing::Optional;

const std::string kKeyId = "prod.3.d8bbac413711cbb9";
const WallTime kNoon = ParseTime("2026-01-31T12:00:00Z");
const WallTime kLater = ParseTime("2026-01-31T12:00:30Z");

void Nothing(KeyringHistory&) {}

class KeyHistoryTest : public ::testing::Test {
 protected:
  void Write(const std::string& text) const { WriteFileAtomically(path_, text); }
  nlohmann::json State() const { return nlohmann::json::parse(ReadFile(path_)); }

  test::TempDir folder_;
  std::string path_ = folder_ / "state.json";
  KeyHistory history_{folder_.path()};
};

TEST_F(KeyHistoryTest, IsEmptyOnANodeWithoutHistory) {
  const KeyringHistory history = history_.Load("prod");
  EXPECT_EQ(history.highest_active, 0u);
  EXPECT_TRUE(history.keys.empty());
  EXPECT_EQ(history.problem, std::nullopt);
}

TEST_F(KeyHistoryTest, ComesBackAfterARestart) {
  history_.Update("prod", [](KeyringHistory& history) {
    history.highest_active = 3;
    history.keys[kKeyId] = {kNoon, kLater};
    history.keys["prod.4.d8bbac413711cbb9"] = {kLater, std::nullopt};
    history.last_complete_scan = kNoon;
    history.last_time_seen = kLater;
  });
  const KeyringHistory later = KeyHistory(folder_.path()).Load("prod");
  EXPECT_EQ(later.highest_active, 3u);
  EXPECT_EQ(later.keys.at(kKeyId), (KnownKey{kNoon, kLater}));
  EXPECT_EQ(later.keys.at("prod.4.d8bbac413711cbb9"), (KnownKey{kLater, std::nullopt}));
  EXPECT_EQ(later.last_complete_scan, kNoon);
  EXPECT_EQ(later.last_time_seen, kLater);
  EXPECT_EQ(later.problem, std::nullopt);
}

TEST_F(KeyHistoryTest, IsTheReleasedForm) {
  history_.Update("prod", [](KeyringHistory& history) {
    history.highest_active = 3;
    history.keys[kKeyId] = {kNoon, kLater};
    history.last_complete_scan = kNoon;
    history.last_time_seen = kLater;
  });
  EXPECT_EQ(State(), nlohmann::json::parse(R"({"v":1,"keyrings":{"prod":{"highestActive":3,
      "keys":{"prod.3.d8bbac413711cbb9":{"firstSeen":"2026-01-31T12:00:00Z",
                                         "accepted":"2026-01-31T12:00:30Z"}},
      "lastCompleteScan":"2026-01-31T12:00:00Z","lastTimeSeen":"2026-01-31T12:00:30Z"}}})"));
}

TEST_F(KeyHistoryTest, KeepsKeyringsApart) {
  history_.Update("prod", [](KeyringHistory& history) { history.highest_active = 3; });
  history_.Update("test", [](KeyringHistory& history) { history.highest_active = 7; });
  EXPECT_EQ(history_.Load("prod").highest_active, 3u);
  EXPECT_EQ(history_.Load("test").highest_active, 7u);
}

TEST_F(KeyHistoryTest, ForgetsWhatIsTakenOut) {
  history_.Update("prod", [](KeyringHistory& history) {
    history.keys[kKeyId] = {kNoon, kLater};
    history.last_complete_scan = kNoon;
  });
  history_.Update("prod", [](KeyringHistory& history) {
    history.keys.clear();
    history.last_complete_scan.reset();
  });
  EXPECT_TRUE(history_.Load("prod").keys.empty());
  EXPECT_EQ(history_.Load("prod").last_complete_scan, std::nullopt);
}

TEST_F(KeyHistoryTest, LosesNoUpdateOfAnother) {
  // The lock is on an open file, so threads meet it as processes do.
  std::vector<std::jthread> writers;
  for (int writer = 0; writer < 4; ++writer) {
    writers.emplace_back([this] {
      const KeyHistory mine(folder_.path());
      for (int i = 0; i < 25; ++i) {
        mine.Update("prod", [](KeyringHistory& history) { ++history.highest_active; });
      }
    });
  }
  writers.clear();
  EXPECT_EQ(history_.Load("prod").highest_active, 100u);
}

TEST_F(KeyHistoryTest, KeepsFieldsItDoesNotKnow) {
  Write(R"({"v":1,"more":1,"keyrings":{"other":{"x":[1]},"prod":{"highestActive":1,"y":2,
      "keys":{"prod.3.d8bbac413711cbb9":{"firstSeen":"2026-01-31T12:00:00Z","z":3}}}}})");
  history_.Update("prod", [](KeyringHistory& history) { history.highest_active = 2; });
  EXPECT_EQ(State(), nlohmann::json::parse(R"({"v":1,"more":1,"keyrings":{"other":{"x":[1]},
      "prod":{"highestActive":2,"y":2,
      "keys":{"prod.3.d8bbac413711cbb9":{"firstSeen":"2026-01-31T12:00:00Z","z":3}}}}})"));
}

TEST_F(KeyHistoryTest, NeverWritesOverDamage) {
  for (const std::string text : {
           R"()",
           R"({"v":1,"keyrings":{"prod":{"highestAc)",
           R"([])",
           R"({"keyrings":{}})",
           R"({"v":1,"keyrings":[]})",
           R"({"v":1,"keyrings":{"prod":7}})",
           R"({"v":1,"keyrings":{"prod":{"highestActive":"3"}}})",
           R"({"v":1,"keyrings":{"prod":{"highestActive":-3}}})",
           R"({"v":1,"keyrings":{"prod":{"highestActive":3.5}}})",
           R"({"v":1,"keyrings":{"prod":{"highestActive":4294967296}}})",
           R"({"v":1,"keyrings":{"prod":{"keys":[]}}})",
           R"({"v":1,"keyrings":{"prod":{"keys":{"k":{}}}}})",
           R"({"v":1,"keyrings":{"prod":{"keys":{"k":7}}}})",
           R"({"v":1,"keyrings":{"prod":{"lastTimeSeen":"noon"}}})",
       }) {
    Write(text);
    EXPECT_THAT([&] { history_.Update("prod", Nothing); },
                ThrowsError(Reason::kStateUnusable, path_ + ": damaged"))
        << text;
    EXPECT_THAT(history_.Load("prod").problem, Optional(HasSubstr(path_))) << text;
    EXPECT_EQ(ReadFile(path_), text);
  }
}

TEST_F(KeyHistoryTest, UsesWhatItUnderstandsOfANewerVersion) {
  const std::string newer = R"({"v":2,"keyrings":{"prod":{"highestActive":5,"keys":[]}}})";
  Write(newer);
  const KeyringHistory history = history_.Load("prod");
  EXPECT_EQ(history.highest_active, 5u);
  EXPECT_THAT(history.problem, Optional(HasSubstr("newer version")));
  EXPECT_THAT([&] { history_.Update("prod", Nothing); },
              ThrowsError(Reason::kStateUnusable, "newer version"));
  EXPECT_EQ(ReadFile(path_), newer);
}

TEST_F(KeyHistoryTest, IsStillReadInAReadOnlyFolder) {
  history_.Update("prod", [](KeyringHistory& history) { history.highest_active = 3; });
  const test::ReadOnly read_only(folder_.path());
  EXPECT_EQ(history_.Load("prod").highest_active, 3u);
  EXPECT_THAT([&] { history_.Update("prod", Nothing); }, ThrowsError(Reason::kStateUnusable));
}

TEST_F(KeyHistoryTest, WritesNothingWhenTheChangeFails) {
  const auto fails = [](KeyringHistory& history) {
    history.highest_active = 9;
    throw Error(Reason::kInternal, "no");
  };
  EXPECT_THAT([&] { history_.Update("prod", fails); }, ThrowsError(Reason::kInternal));
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_NO_THROW(history_.Update("prod", Nothing));
}

TEST_F(KeyHistoryTest, SaysWhenTheFileIsNoFile) {
  std::filesystem::create_directory(path_);
  EXPECT_THAT(history_.Load("prod").problem, Optional(HasSubstr(path_)));
  EXPECT_THAT([&] { history_.Update("prod", Nothing); }, ThrowsError(Reason::kStateUnusable));
}

}  // namespace
}  // namespace mortise::hsm
