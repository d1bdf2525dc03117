// SPDX-License-Identifier: Apache-2.0
#include "hsm/start_remarks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mortise::hsm {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

const WallTime kNow = ParseTime("2026-06-01T12:00:00Z");

TEST(StartRemarksTest, NameEachWaiverWithItsKeyringTokenAndAttributes) {
  config::Config config;
  config.keyrings.push_back({.name = "prod"});
  config.keyrings[0].policy.waive = {{"hsm-a", {"CKA_LOCAL", "CKA_MODIFIABLE"}}};
  EXPECT_THAT(
      StartRemarks(config, kNow),
      ElementsAre(AllOf(
          Field(&Event::name, "policy_waiver"), Field(&Event::message, HasSubstr("token hsm-a")),
          Field(&Event::fields,
                AllOf(Contains(Pair("keyring", "prod")), Contains(Pair("token", "hsm-a")),
                      Contains(Pair("attributes", "CKA_LOCAL,CKA_MODIFIABLE")))))));
}

TEST(StartRemarksTest, NameACertificateThatHasEnded) {
  config::Config config;
  config.tokens.push_back(
      {.name = "hsm-a", .assurance = config::Assurance{.valid_until = "2026-05-31"}});
  config.tokens.push_back(
      {.name = "hsm-b", .assurance = config::Assurance{.valid_until = "2026-06-01"}});
  EXPECT_THAT(
      StartRemarks(config, kNow),
      ElementsAre(AllOf(Field(&Event::name, "assurance_ended"),
                        Field(&Event::message, HasSubstr("hsm-a was valid until 2026-05-31")))));
}

TEST(StartRemarksTest, AreNoneWhereNothingIsWaivedOrStated) {
  config::Config config;
  config.tokens.push_back({.name = "hsm-a"});
  config.keyrings.push_back({.name = "prod"});
  EXPECT_THAT(StartRemarks(config, kNow), IsEmpty());
}

}  // namespace
}  // namespace mortise::hsm
