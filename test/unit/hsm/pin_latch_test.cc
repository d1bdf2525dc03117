// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/pin_latch.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "test/support/matchers.h"
#include "test/support/read_only.h"
#include "test/support/temp_dir.h"

namespace mortise::hsm {
namespace {

using test::ThrowsError;

constexpr std::string_view kSerial = "0123456789abcdef";
constexpr std::uint64_t kPinIncorrect = 0xa0;
constexpr std::uint64_t kPinLocked = 0xa4;
constexpr TokenPinFlags kClean;

class PinLatchTest : public ::testing::Test {
 protected:
  PinLatchTest() { std::filesystem::create_directory(folder_ / "pin-latch"); }

  // As a process started later would make it.
  PinLatch Latch(std::string_view serial = kSerial) const {
    return PinLatch(folder_.path(), "hsm-a", std::string(serial));
  }
  void Reject(std::string_view pin, std::uint64_t ckr = kPinIncorrect) const {
    PinLatch latch = Latch();
    latch.Begin(AsBytes(pin), kClean).Rejected(ckr);
  }
  void DieWhileTrying(std::string_view pin) const {
    PinLatch latch = Latch();
    const PinLatch::Attempt attempt = latch.Begin(AsBytes(pin), kClean);
  }
  bool MayTry(std::string_view pin, TokenPinFlags flags = kClean) const {
    PinLatch latch = Latch();
    try {
      latch.Begin(AsBytes(pin), flags).NotJudged();
      return true;
    } catch (const Error& error) {
      EXPECT_EQ(error.reason(), Reason::kPinRejected) << error.what();
      return false;
    }
  }
  nlohmann::json Record() const { return nlohmann::json::parse(ReadFile(path_)); }
  bool HasRecord() const { return std::filesystem::exists(path_); }
  void Write(const std::string& text) const { WriteFileAtomically(path_, text); }

  test::TempDir folder_;
  std::string path_ = folder_ / "pin-latch/hsm-a.json";
};

TEST_F(PinLatchTest, RecordsThatItTriesBeforeTheLogin) {
  PinLatch latch = Latch();
  const PinLatch::Attempt attempt = latch.Begin(AsBytes("1234"), kClean);
  EXPECT_TRUE(attempt.is_recorded());
  EXPECT_EQ(Record()["state"], "trying");
  EXPECT_EQ(Record()["v"], 1);
  EXPECT_EQ(Record()["serial"], kSerial);
  EXPECT_EQ(Record()["salt"].get<std::string>().size(), 32u);
  EXPECT_EQ(Record()["tag"].get<std::string>().size(), 2u);
}

TEST_F(PinLatchTest, KeepsNoRecordOfASuccess) {
  PinLatch latch = Latch();
  latch.Begin(AsBytes("1234"), kClean).Succeeded();
  EXPECT_FALSE(HasRecord());
  EXPECT_TRUE(MayTry("1234"));
}

TEST_F(PinLatchTest, KeepsNoRecordOfAnAnswerThatDoesNotJudgeThePin) {
  PinLatch latch = Latch();
  latch.Begin(AsBytes("1234"), kClean).NotJudged();
  EXPECT_FALSE(HasRecord());
}

TEST_F(PinLatchTest, RefusesARejectedPinForEver) {
  Reject("1234");
  EXPECT_EQ(Record()["state"], "rejected");
  EXPECT_EQ(Record()["ckr"], kPinIncorrect);
  for (int start = 0; start < 20; ++start) EXPECT_FALSE(MayTry("1234"));
}

TEST_F(PinLatchTest, RefusesAPinThatTheTokenHasLocked) {
  Reject("1234", kPinLocked);
  EXPECT_FALSE(MayTry("1234"));
}

TEST_F(PinLatchTest, SaysWhatToDoAboutARejectedPin) {
  Reject("1234");
  PinLatch latch = Latch();
  const auto begin = [&] { latch.Begin(AsBytes("1234"), kClean); };
  EXPECT_THAT(begin, ThrowsError(Reason::kPinRejected, path_));
  EXPECT_THAT(begin, ThrowsError(Reason::kPinRejected,
                                 "mortise token unlatch --config FILE "
                                 "--token hsm-a"));
  EXPECT_THAT(begin, ThrowsError(Reason::kPinRejected, "one corrected PIN in 256"));
  EXPECT_THAT(begin, ::testing::Throws<Error>(::testing::Property(&Error::ckr, kPinIncorrect)));
  EXPECT_THAT(begin, ::testing::Throws<Error>(::testing::Property(
                         &Error::what, ::testing::Not(::testing::HasSubstr("1234")))));
}

TEST_F(PinLatchTest, TriesAChangedPin) {
  // A record of its own making, so that the change does not collide in one run of 256.
  Write(R"({"v":1,"serial":"0123456789abcdef","state":"rejected","ckr":160,)"
        R"("at":"2026-01-31T12:00:00Z","salt":"000102030405060708090a0b0c0d0e0f","tag":"4c"})");
  EXPECT_FALSE(MayTry("1234"));
  EXPECT_FALSE(MayTry("33"));  // the one in 256
  EXPECT_TRUE(MayTry("1235"));
}

TEST_F(PinLatchTest, ForgetsTheOldPinWhenTheNewOneIsTried) {
  Reject("1234");
  Write(R"({"v":1,"serial":"0123456789abcdef","state":"rejected","ckr":160,)"
        R"("at":"2026-01-31T12:00:00Z","salt":"000102030405060708090a0b0c0d0e0f","tag":"4c"})");
  Reject("1235");
  EXPECT_FALSE(MayTry("1235"));
}

TEST_F(PinLatchTest, TriesAnotherTokenWithTheSamePin) {
  Reject("1234");
  PinLatch other = Latch("fedcba9876543210");
  EXPECT_NO_THROW(other.Begin(AsBytes("1234"), kClean).Succeeded());
}

TEST_F(PinLatchTest, KnowsATokenWhoseSerialIsNoText) {
  constexpr std::string_view kStrange = "\xff\xfe\\\x01";
  PinLatch latch = Latch(kStrange);
  latch.Begin(AsBytes("1234"), kClean).Rejected(kPinIncorrect);
  PinLatch later = Latch(kStrange);
  EXPECT_THAT([&] { later.Begin(AsBytes("1234"), kClean); }, ThrowsError(Reason::kPinRejected));
}

TEST_F(PinLatchTest, TriesThreeTimesMoreAfterDeathsInTheLogin) {
  DieWhileTrying("1234");
  DieWhileTrying("1234");
  DieWhileTrying("1234");
  DieWhileTrying("1234");
  EXPECT_EQ(Record()["state"], "trying");
  EXPECT_FALSE(MayTry("1234"));
  EXPECT_EQ(Record()["state"], "rejected");
}

TEST_F(PinLatchTest, TriesNoMoreAfterADeathWhileAnyFlagWarns) {
  for (const TokenPinFlags flags :
       {TokenPinFlags{.count_low = true}, TokenPinFlags{.final_try = true},
        TokenPinFlags{.locked = true}}) {
    std::filesystem::remove(path_);
    DieWhileTrying("1234");
    EXPECT_FALSE(MayTry("1234", flags));
    EXPECT_FALSE(MayTry("1234"));  // it counts as rejected, also when the flags clear
  }
}

TEST_F(PinLatchTest, TriesAFreshPinEvenWhileAFlagWarns) {
  // Few tries are left because somebody failed; the operator's new PIN must have its one.
  EXPECT_TRUE(MayTry("1234", {.count_low = true}));
  EXPECT_TRUE(MayTry("1234", {.final_try = true}));
}

TEST_F(PinLatchTest, TriesAgainOnceUnlatched) {
  Reject("1234");
  EXPECT_TRUE(Latch().Unlatch());
  EXPECT_TRUE(MayTry("1234"));
  EXPECT_FALSE(Latch().Unlatch());
}

TEST_F(PinLatchTest, LatchesEachTokenByItself) {
  Reject("1234");
  PinLatch other(folder_.path(), "hsm-b", std::string(kSerial));
  EXPECT_NO_THROW(other.Begin(AsBytes("1234"), kClean).Succeeded());
}

TEST_F(PinLatchTest, RefusesWhileItsRecordIsDamaged) {
  for (
      const std::string text :
      {"", "{", "[]", "null", "{}", R"({"v":"1"})", R"({"v":0})", R"({"v":1})",
       R"({"v":1,"serial":7,"state":"trying","ckr":0,"at":"2026-01-31T12:00:00Z","salt":"00","tag":"4c"})",
       R"({"v":1,"serial":"s","state":"tried","ckr":0,"at":"2026-01-31T12:00:00Z","salt":"00","tag":"4c"})",
       R"({"v":1,"serial":"s","state":"trying","ckr":0,"at":"yesterday","salt":"00","tag":"4c"})",
       R"({"v":1,"serial":"s","state":"trying","ckr":0,"at":"2026-01-31T12:00:00Z","salt":"","tag":"4c"})",
       R"({"v":1,"serial":"s","state":"trying","ckr":0,"at":"2026-01-31T12:00:00Z","salt":"00","tag":"4c4c"})",
       R"({"v":1,"serial":"s","state":"trying","ckr":0,"at":"2026-01-31T12:00:00Z","salt":"00")"}) {
    Write(text);
    EXPECT_FALSE(MayTry("1234")) << text;
    EXPECT_EQ(ReadFile(path_), text);
  }
}

TEST_F(PinLatchTest, RefusesWhileItsRecordCannotBeRead) {
  std::filesystem::create_directory(path_);
  EXPECT_FALSE(MayTry("1234"));
}

TEST_F(PinLatchTest, LogsInOnceBesideANewerRecordThatItDoesNotUnderstand) {
  const std::string newer = R"({"v":2,"form":"other"})";
  Write(newer);
  PinLatch latch = Latch();
  PinLatch::Attempt attempt = latch.Begin(AsBytes("1234"), kClean);
  EXPECT_FALSE(attempt.is_recorded());
  attempt.Rejected(kPinIncorrect);
  EXPECT_THAT([&] { latch.Begin(AsBytes("1234"), kClean); }, ThrowsError(Reason::kPinRejected));
  EXPECT_EQ(ReadFile(path_), newer);
}

TEST_F(PinLatchTest, ObeysANewerRecordThatItUnderstands) {
  Write(R"({"v":2,"more":[],"serial":"0123456789abcdef","state":"rejected","ckr":160,)"
        R"("at":"2026-01-31T12:00:00Z","salt":"000102030405060708090a0b0c0d0e0f","tag":"4c"})");
  EXPECT_FALSE(MayTry("1234"));
}

TEST_F(PinLatchTest, RefusesATokenNameThatLeavesTheFolder) {
  for (const std::string name : {"", ".", "../x", "a/b", ".hidden"}) {
    EXPECT_THAT([&] { PinLatch(folder_.path(), name, "s"); }, ThrowsError(Reason::kConfig)) << name;
  }
}

TEST_F(PinLatchTest, WaitsOnlySoLongForAnotherLogin) {
  PinLatch first = Latch();
  PinLatch second = Latch();
  const PinLatch::Attempt attempt = first.Begin(AsBytes("1234"), kClean);
  EXPECT_THAT(
      [&] {
        second.Begin(AsBytes("1234"), kClean, UnrecordedLogin::kAllowed,
                     std::chrono::milliseconds(1));
      },
      ThrowsError(Reason::kUnavailable, "another process"));
}

class ReadOnlyPinLatchTest : public PinLatchTest {};

TEST_F(ReadOnlyPinLatchTest, LogsInOnceAStart) {
  const test::ReadOnly read_only(folder_.path());
  PinLatch latch = Latch();
  EXPECT_FALSE(latch.Begin(AsBytes("1234"), kClean).is_recorded());
  EXPECT_THAT([&] { latch.Begin(AsBytes("1234"), kClean); },
              ThrowsError(Reason::kPinRejected, "the one try of this start is spent"));
}

TEST_F(ReadOnlyPinLatchTest, LogsInAgainAfterASuccess) {
  const test::ReadOnly read_only(folder_.path());
  PinLatch latch = Latch();
  latch.Begin(AsBytes("1234"), kClean).Succeeded();
  EXPECT_NO_THROW(latch.Begin(AsBytes("1234"), kClean).Succeeded());
}

TEST_F(ReadOnlyPinLatchTest, DoesNotLogInOnceTheSupervisorSaysTheTryIsSpent) {
  const test::ReadOnly read_only(folder_.path());
  PinLatch latch = Latch();
  EXPECT_THAT([&] { latch.Begin(AsBytes("1234"), kClean, UnrecordedLogin::kRefused); },
              ThrowsError(Reason::kPinRejected, "the one try of this start is spent"));
}

TEST_F(ReadOnlyPinLatchTest, DoesNotLogInWhileAnyFlagWarns) {
  const test::ReadOnly read_only(folder_.path());
  EXPECT_FALSE(MayTry("1234", {.count_low = true}));
  EXPECT_FALSE(MayTry("1234", {.final_try = true}));
  EXPECT_FALSE(MayTry("1234", {.locked = true}));
}

TEST_F(ReadOnlyPinLatchTest, RefusesARejectedPin) {
  Reject("1234");
  const test::ReadOnly read_only(folder_.path());
  EXPECT_FALSE(MayTry("1234"));
}

TEST_F(ReadOnlyPinLatchTest, CannotBeUnlatched) {
  Reject("1234");
  const test::ReadOnly read_only(folder_.path());
  EXPECT_THAT([&] { Latch().Unlatch(); }, ThrowsError(Reason::kStateUnusable, path_));
}

TEST_F(ReadOnlyPinLatchTest, LogsInOnceWithoutAFolder) {
  std::filesystem::remove_all(folder_ / "pin-latch");
  PinLatch latch = Latch();
  EXPECT_FALSE(latch.Begin(AsBytes("1234"), kClean).is_recorded());
  EXPECT_THAT([&] { latch.Begin(AsBytes("1234"), kClean); }, ThrowsError(Reason::kPinRejected));
}

}  // namespace
}  // namespace mortise::hsm
