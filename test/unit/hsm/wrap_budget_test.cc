// SPDX-License-Identifier: Apache-2.0
#include "hsm/wrap_budget.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

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

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using test::ThrowsError;

const std::string kKeyId = "prod.3.d8bbac413711cbb9";
const std::string kOtherKeyId = "prod.4.d8bbac413711cbb9";
constexpr std::uint64_t kBlock = WrapBudget::kBlock;
constexpr std::uint64_t kManyWraps = 1 << 28;
const WallTime kNoon = ParseTime("2026-01-31T12:00:00Z");

class WrapBudgetTest : public ::testing::Test {
 protected:
  WrapBudgetTest() { fs::create_directory(instances_); }

  // With the maintenance that a dry budget asks for.
  static void SpendOne(WrapBudget& budget, const std::string& key_id, std::uint64_t limit) {
    while (!budget.Spend(key_id, limit)) budget.Maintain({});
  }
  static std::uint64_t SpendAll(WrapBudget& budget, std::uint64_t limit) {
    for (std::uint64_t spent = 0;; ++spent) {
      try {
        SpendOne(budget, kKeyId, limit);
      } catch (const Error& error) {
        EXPECT_EQ(error.reason(), Reason::kWrapLimit) << error.what();
        return spent;
      }
    }
  }
  static void Spend(WrapBudget& budget, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) SpendOne(budget, kKeyId, kManyWraps);
  }
  // A process that spent one wrap, and is gone.
  void LiveAndDie() const {
    WrapBudget budget(folder_.path());
    SpendOne(budget, kKeyId, kManyWraps);
  }
  // What a process that starts now would count.
  std::uint64_t Counted() const { return WrapBudget(folder_.path()).Use(kKeyId).wraps; }
  std::size_t Files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(instances_), fs::directory_iterator()));
  }
  std::string InstanceFile() const {
    for (const auto& entry : fs::directory_iterator(instances_)) {
      const std::string name = entry.path().filename();
      if (name.ends_with(".json") && name != "folded.json") return entry.path();
    }
    return "";
  }

  test::TempDir folder_;
  std::string instances_ = folder_ / "instances";
};

TEST_F(WrapBudgetTest, ReservesABlockOnDiskBeforeTheFirstWrap) {
  WrapBudget budget(folder_.path());
  SpendOne(budget, kKeyId, kManyWraps);
  const auto state = nlohmann::json::parse(ReadFile(InstanceFile()));
  EXPECT_EQ(state["v"], 1);
  EXPECT_TRUE(state["epoch"].is_number_integer());
  EXPECT_EQ(state["wraps"][kKeyId], kBlock);
  EXPECT_EQ(Counted(), kBlock);
}

TEST_F(WrapBudgetTest, SpendsABlockWithoutTouchingTheDisk) {
  WrapBudget budget(folder_.path());
  budget.Prepare(kKeyId, kManyWraps);
  fs::remove_all(instances_);
  EXPECT_NO_THROW(Spend(budget, kBlock));
  EXPECT_THAT([&] { Spend(budget, 1); }, ThrowsError(Reason::kStateUnusable, instances_));
}

TEST_F(WrapBudgetTest, ReservesTheNextBlockWhenOneIsHalfSpent) {
  WrapBudget budget(folder_.path());
  for (std::uint64_t spent = 0; spent < kBlock / 2; spent += kBlock / 8) {
    budget.Maintain({});
    EXPECT_EQ(budget.Use(kKeyId).wraps, spent == 0 ? 0 : kBlock);
    Spend(budget, kBlock / 8);
  }
  budget.Maintain({});
  EXPECT_EQ(budget.Use(kKeyId).wraps, 2 * kBlock);
  EXPECT_EQ(Counted(), 2 * kBlock);
}

TEST_F(WrapBudgetTest, ReservesAheadAsMuchAsTheRateAsksFor) {
  WrapBudget budget(folder_.path());
  budget.Prepare(kKeyId, kManyWraps);
  Spend(budget, kBlock);
  budget.Maintain({});
  fs::remove_all(instances_);
  EXPECT_NO_THROW(Spend(budget, 2 * kBlock));
}

TEST_F(WrapBudgetTest, ReservesNothingAheadForAKeyNobodyWrapsUnder) {
  LiveAndDie();
  WrapBudget budget(folder_.path());
  budget.Maintain({});
  EXPECT_EQ(Counted(), kBlock);
}

TEST_F(WrapBudgetTest, ForfeitsTheRestOfABlockAtARestart) {
  LiveAndDie();
  LiveAndDie();
  EXPECT_EQ(Counted(), 2 * kBlock);
}

TEST_F(WrapBudgetTest, RefusesAtTheLimitAndNeverBefore) {
  for (const std::uint64_t limit : {std::uint64_t{1}, std::uint64_t{100}, kBlock, kBlock + 1}) {
    fs::remove_all(instances_);
    fs::create_directory(instances_);
    WrapBudget budget(folder_.path());
    EXPECT_EQ(SpendAll(budget, limit), limit);
  }
}

TEST_F(WrapBudgetTest, CountsWhatEarlierProcessesReservedAgainstTheLimit) {
  LiveAndDie();
  WrapBudget budget(folder_.path());
  EXPECT_EQ(SpendAll(budget, kBlock + 10), 10u);
  EXPECT_THAT([&] { SpendOne(budget, kKeyId, kBlock + 10); },
              ThrowsError(Reason::kWrapLimit, "Raise keyrings[].wrapLimit"));
}

TEST_F(WrapBudgetTest, LetsTwoLivingProcessesShareOneLimit) {
  WrapBudget first(folder_.path()), second(folder_.path());
  first.Prepare(kKeyId, kBlock + 10);
  EXPECT_EQ(SpendAll(second, kBlock + 10), 10u);
  EXPECT_EQ(SpendAll(first, kBlock + 10), kBlock);
}

TEST_F(WrapBudgetTest, CountsEachKeyByItself) {
  WrapBudget budget(folder_.path());
  EXPECT_EQ(SpendAll(budget, 10), 10u);
  EXPECT_NO_THROW(SpendOne(budget, kOtherKeyId, 10));
}

TEST_F(WrapBudgetTest, SpendsEachWrapOnceAmongThreads) {
  WrapBudget budget(folder_.path());
  std::atomic<std::uint64_t> spent = 0;
  {
    std::jthread maintenance([&](std::stop_token stop) {
      while (!stop.stop_requested()) budget.Maintain(Clock::now());
    });
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([&] { spent += SpendAll(budget, 20'000); });
  }
  EXPECT_EQ(spent, 20'000u);
}

TEST_F(WrapBudgetTest, FoldsAHundredDeadProcessesWithoutLosingACount) {
  for (int start = 1; start <= 100; ++start) {
    LiveAndDie();
    ASSERT_EQ(Counted(), static_cast<std::uint64_t>(start) * kBlock);
    ASSERT_LE(Files(), 4u);  // .lock, folded.json, one instance and its lock
  }
}

TEST_F(WrapBudgetTest, LeavesTheFileOfALivingProcessAlone) {
  WrapBudget living(folder_.path());
  living.Prepare(kKeyId, kManyWraps);
  const std::string file = InstanceFile();
  for (int start = 0; start < 3; ++start) LiveAndDie();
  EXPECT_TRUE(fs::exists(file));
  EXPECT_EQ(Counted(), 4 * kBlock);
}

TEST_F(WrapBudgetTest, KnowsAProcessThatWasKilled) {
  const pid_t pid = fork();
  if (pid == 0) {
    WrapBudget budget(folder_.path());
    SpendOne(budget, kKeyId, kManyWraps);
    _exit(0);
  }
  ASSERT_EQ(waitpid(pid, nullptr, 0), pid);
  LiveAndDie();
  EXPECT_EQ(Counted(), 2 * kBlock);
  EXPECT_LE(Files(), 4u);
}

TEST_F(WrapBudgetTest, CountsNothingTwiceAfterACrashWhileFolding) {
  LiveAndDie();
  // As a crash leaves it between writing folded.json and deleting what it folded.
  const std::string file = InstanceFile();
  const std::string id = fs::path(file).stem();
  WriteFileAtomically(
      instances_ + "/folded.json",
      R"({"v":1,"wraps":{")" + kKeyId + R"(":4096},"lastUnwrap":{},"folded":[")" + id + R"("]})");
  EXPECT_EQ(Counted(), kBlock);
  LiveAndDie();
  EXPECT_EQ(Counted(), 2 * kBlock);
  EXPECT_FALSE(fs::exists(file));
  LiveAndDie();
  EXPECT_EQ(Counted(), 3 * kBlock);
  const auto folded = nlohmann::json::parse(ReadFile(instances_ + "/folded.json"));
  EXPECT_EQ(folded["folded"].size(), 1u);  // the list does not grow
}

TEST_F(WrapBudgetTest, ClearsAwayWhatACrashLeft) {
  WriteFileAtomically(instances_ + "/folded.json.Xy12ab", "half");
  WriteFileAtomically(instances_ + "/0123456789abcdef.json.Xy12ab", "half");
  WriteFileAtomically(instances_ + "/0123456789abcdef.lock", "");
  LiveAndDie();
  EXPECT_EQ(Files(), 3u);
}

TEST_F(WrapBudgetTest, WrapsNothingWhileACountIsUnknown) {
  LiveAndDie();
  const std::string file = InstanceFile();
  for (const std::string text :
       {"", "{", "[]", R"({"v":1})", R"({"v":1,"wraps":[],"lastUnwrap":{}})",
        R"({"v":1,"wraps":{"k":"1"},"lastUnwrap":{}})",
        R"({"v":1,"wraps":{"k":-1},"lastUnwrap":{}})",
        R"({"v":1,"wraps":{"k":1.5},"lastUnwrap":{}})",
        R"({"v":1,"wraps":{"k":9223372036854775808},"lastUnwrap":{}})",
        R"({"v":1,"wraps":{},"lastUnwrap":{"k":"noon"}})",
        R"({"v":1,"wraps":{},"lastUnwrap":{},"folded":7})",
        R"({"v":2,"wraps":{},"lastUnwrap":{}})"}) {
    WriteFileAtomically(file, text);
    WrapBudget budget(folder_.path());
    EXPECT_THAT([&] { SpendOne(budget, kKeyId, kManyWraps); },
                ThrowsError(Reason::kStateUnusable, file))
        << text;
    EXPECT_EQ(ReadFile(file), text);
  }
}

TEST_F(WrapBudgetTest, WrapsNothingInAReadOnlyFolderButCounts) {
  LiveAndDie();
  const test::ReadOnly read_only(folder_.path());
  WrapBudget budget(folder_.path());
  EXPECT_EQ(budget.Use(kKeyId).wraps, kBlock);
  EXPECT_THAT([&] { SpendOne(budget, kKeyId, kManyWraps); }, ThrowsError(Reason::kStateUnusable));
  EXPECT_THAT([&] { budget.Prepare(kKeyId, kManyWraps); }, ThrowsError(Reason::kStateUnusable));
  budget.NoteUnwrap(kKeyId, kNoon);
  EXPECT_NO_THROW(budget.Maintain({}));
}

TEST_F(WrapBudgetTest, WrapsAgainOnceTheFolderIsMended) {
  fs::remove_all(instances_);
  WrapBudget budget(folder_.path());
  EXPECT_THAT([&] { SpendOne(budget, kKeyId, kManyWraps); }, ThrowsError(Reason::kStateUnusable));
  fs::create_directory(instances_);
  budget.Maintain({});
  EXPECT_NO_THROW(SpendOne(budget, kKeyId, kManyWraps));
}

TEST_F(WrapBudgetTest, LeavesTheDiskAloneInEverySpend) {
  WrapBudget budget(folder_.path());
  EXPECT_FALSE(budget.Spend(kKeyId, kManyWraps));
  EXPECT_TRUE(budget.IsRefilling(kKeyId));
  EXPECT_EQ(Files(), 0u);
  budget.Maintain({});
  EXPECT_FALSE(budget.IsRefilling(kKeyId));
  EXPECT_TRUE(budget.Spend(kKeyId, kManyWraps));
}

TEST_F(WrapBudgetTest, WaitsForNothingAfterAFailure) {
  fs::remove_all(instances_);
  WrapBudget budget(folder_.path());
  EXPECT_FALSE(budget.Spend(kKeyId, kManyWraps));
  budget.Maintain({});
  fs::create_directory(instances_);
  EXPECT_THAT([&] { budget.Spend(kKeyId, kManyWraps); }, ThrowsError(Reason::kStateUnusable));
  EXPECT_FALSE(budget.IsRefilling(kKeyId));
  EXPECT_EQ(Files(), 0u);
  budget.Maintain({});
  EXPECT_TRUE(budget.Spend(kKeyId, kManyWraps));
}

TEST_F(WrapBudgetTest, WakesItsMaintenanceWhenNothingIsLeft) {
  WrapBudget budget(folder_.path());
  std::jthread maintenance([&](const std::stop_token& stop) {
    budget.AwaitNeed(stop, 1h);
    budget.Maintain({});
  });
  EXPECT_FALSE(budget.Spend(kKeyId, kManyWraps));
  maintenance.join();
  EXPECT_TRUE(budget.Spend(kKeyId, kManyWraps));
}

TEST_F(WrapBudgetTest, RemembersTheLastUnwrapOverRestarts) {
  {
    WrapBudget budget(folder_.path());
    budget.NoteUnwrap(kKeyId, kNoon);
    budget.NoteUnwrap(kKeyId, kNoon - 5s);
    EXPECT_EQ(budget.Use(kKeyId).last_unwrap, kNoon);
  }
  LiveAndDie();  // folds it
  EXPECT_EQ(WrapBudget(folder_.path()).Use(kKeyId).last_unwrap, kNoon);
  EXPECT_EQ(WrapBudget(folder_.path()).Use(kOtherKeyId).last_unwrap, std::nullopt);
}

TEST_F(WrapBudgetTest, WritesTheLastUnwrapAtMostOnceAMinute) {
  const auto written = [this] { return WrapBudget(folder_.path()).Use(kKeyId).last_unwrap; };
  constexpr Clock::time_point kStart{1000s};
  WrapBudget budget(folder_.path());
  budget.NoteUnwrap(kKeyId, kNoon);
  budget.Maintain(kStart);
  EXPECT_EQ(written(), kNoon);
  budget.NoteUnwrap(kKeyId, kNoon + 1s);
  budget.Maintain(kStart + 59s);
  EXPECT_EQ(written(), kNoon);
  budget.Maintain(kStart + 60s);
  EXPECT_EQ(written(), kNoon + 1s);
}

}  // namespace
}  // namespace mortise::hsm
