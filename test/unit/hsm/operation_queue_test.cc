// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/operation_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mortise::hsm {
namespace {

using ::testing::ElementsAre;

OperationPtr OperationOf(std::uint32_t share) {
  auto operation = std::make_shared<Operation>();
  operation->share = share;
  return operation;
}

std::size_t Fill(OperationQueue& queue, std::uint32_t share) {
  std::size_t taken = 0;
  while (queue.PushBack(OperationOf(share))) ++taken;
  return taken;
}

TEST(OperationQueueTest, GivesTheOldestFirst) {
  OperationQueue queue(4, 1);
  const OperationPtr first = OperationOf(0), second = OperationOf(0);
  queue.PushBack(first);
  queue.PushBack(second);
  EXPECT_EQ(queue.PopFront(), first);
  EXPECT_EQ(queue.PopFront(), second);
  EXPECT_EQ(queue.PopFront(), nullptr);
}

TEST(OperationQueueTest, IsFullAtItsLimit) {
  OperationQueue queue(4, 1);
  EXPECT_EQ(Fill(queue, 0), 4u);
  queue.PopFront();
  EXPECT_EQ(Fill(queue, 0), 1u);
  EXPECT_EQ(queue.size(), 4u);
}

TEST(OperationQueueTest, LeavesEachKeyringItsShareInAFlood) {
  OperationQueue queue(9, 3);
  EXPECT_EQ(Fill(queue, 0), 3u);
  EXPECT_EQ(Fill(queue, 1), 3u);
  EXPECT_EQ(Fill(queue, 2), 3u);
}

TEST(OperationQueueTest, GivesEachKeyringAtLeastOnePlace) {
  OperationQueue queue(2, 3);
  EXPECT_EQ(Fill(queue, 0), 1u);
  EXPECT_EQ(Fill(queue, 1), 1u);
}

TEST(OperationQueueTest, StaysWithinItsLimitWhateverTheShares) {
  OperationQueue queue(2, 3);
  Fill(queue, 0);
  Fill(queue, 1);
  EXPECT_FALSE(queue.PushBack(OperationOf(2)));
}

TEST(OperationQueueTest, KeepsTheTurnOfWhatIsSentAgainEvenWhenFull) {
  OperationQueue queue(2, 1);
  Fill(queue, 0);
  const OperationPtr again = OperationOf(0);
  queue.PushFront(again);
  EXPECT_EQ(queue.size(), 3u);
  EXPECT_FALSE(queue.PushBack(OperationOf(0)));
  EXPECT_EQ(queue.PopFront(), again);
}

TEST(OperationQueueTest, GivesAPlaceBackToTheShareItCameFrom) {
  OperationQueue queue(4, 2);
  Fill(queue, 0);
  Fill(queue, 1);
  queue.PopFront();
  EXPECT_FALSE(queue.PushBack(OperationOf(1)));
  EXPECT_TRUE(queue.PushBack(OperationOf(0)));
}

TEST(OperationQueueTest, TakesOutWhatEndedInItsOrderAndFreesItsPlaces) {
  OperationQueue queue(3, 1);
  std::vector<OperationPtr> all;
  for (std::uint64_t id = 1; id <= 3; ++id) {
    all.push_back(OperationOf(0));
    all.back()->id = id;
    queue.PushBack(all.back());
  }
  const auto taken = queue.TakeIf([](const Operation& operation) { return operation.id != 2; });
  EXPECT_THAT(taken, ElementsAre(all[0], all[2]));
  EXPECT_EQ(Fill(queue, 0), 2u);
  EXPECT_EQ(queue.PopFront(), all[1]);
}

}  // namespace
}  // namespace mortise::hsm
