// SPDX-License-Identifier: Apache-2.0
#include "server/status_map.h"

#include <gtest/gtest.h>

#include <set>

#include "test/support/matchers.h"

namespace mortise::server {
namespace {

using enum grpc::StatusCode;

TEST(StatusMapTest, GivesEveryReasonAnErrorWithAShortText) {
  for (std::size_t i = 0; i < kReasonCount; ++i) {
    const grpc::Status status = ToStatus(static_cast<Reason>(i));
    EXPECT_FALSE(status.ok()) << Name(static_cast<Reason>(i));
    EXPECT_FALSE(status.error_message().empty());
    EXPECT_LE(status.error_message().size(), 60u);
  }
}

TEST(StatusMapTest, TellsRefusalsOfACiphertextApartByNothing) {
  const grpc::Status status = ToStatus(Reason::kCiphertextRefused);
  EXPECT_EQ(status.error_code(), INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "ciphertext refused");
}

TEST(StatusMapTest, CallsTemporaryTroubleUnavailable) {
  for (const Reason reason : {Reason::kQueueFull, Reason::kNoWorker, Reason::kWorkerLost,
                              Reason::kPinRejected, Reason::kKeyForeign, Reason::kUnavailable}) {
    EXPECT_EQ(ToStatus(reason).error_code(), UNAVAILABLE) << Name(reason);
  }
}

TEST(StatusMapTest, FollowsTheDesignForTheRest) {
  EXPECT_EQ(ToStatus(Reason::kDeadline).error_code(), DEADLINE_EXCEEDED);
  EXPECT_EQ(ToStatus(Reason::kTimeout).error_code(), DEADLINE_EXCEEDED);
  EXPECT_EQ(ToStatus(Reason::kKeyNotFound).error_code(), NOT_FOUND);
  EXPECT_EQ(ToStatus(Reason::kKeyQuarantined).error_code(), FAILED_PRECONDITION);
  EXPECT_EQ(ToStatus(Reason::kKeyRefused).error_code(), FAILED_PRECONDITION);
  EXPECT_EQ(ToStatus(Reason::kWrapLimit).error_code(), FAILED_PRECONDITION);
  EXPECT_EQ(ToStatus(Reason::kProofFailed).error_code(), INTERNAL);
  EXPECT_EQ(ToStatus(Reason::kPoisoned).error_code(), INTERNAL);
  EXPECT_EQ(ToStatus(Reason::kInternal).error_code(), INTERNAL);
  EXPECT_EQ(ToStatus(Reason::kWrapRate).error_code(), RESOURCE_EXHAUSTED);
}

}  // namespace
}  // namespace mortise::server
