// SPDX-License-Identifier: Apache-2.0
#include "hsm/key_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mortise::hsm {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::array<std::string_view, kKeyAttributeCount> kNames = {
    "CKA_SENSITIVE",   "CKA_ALWAYS_SENSITIVE",
    "CKA_EXTRACTABLE", "CKA_NEVER_EXTRACTABLE",
    "CKA_LOCAL",       "CKA_PRIVATE",
    "CKA_MODIFIABLE",  "CKA_ENCRYPT",
    "CKA_DECRYPT",     "CKA_WRAP",
    "CKA_UNWRAP",      "CKA_SIGN",
    "CKA_VERIFY",      "CKA_DERIVE"};

std::uint32_t Bit(KeyAttribute attribute) {
  return 1u << static_cast<unsigned>(attribute);
}

// As a token that reports everything shows a key made by `mortise key create`.
InventoryEntry GoodKey() {
  InventoryEntry entry;
  entry.reported = (1u << kKeyAttributeCount) - 1;
  for (const KeyAttribute attribute :
       {KeyAttribute::kSensitive, KeyAttribute::kAlwaysSensitive, KeyAttribute::kNeverExtractable,
        KeyAttribute::kLocal, KeyAttribute::kPrivate, KeyAttribute::kEncrypt,
        KeyAttribute::kDecrypt}) {
    entry.values |= Bit(attribute);
  }
  entry.bits = 256;
  return entry;
}

PolicyReport Judged(const InventoryEntry& entry, const config::KeyPolicy& policy = {}) {
  return JudgeWrapKey(entry, "hsm-a", policy);
}

TEST(KeyPolicyTest, LetsAKeyOfOurOwnMakingWrap) {
  const PolicyReport report = Judged(GoodKey());
  EXPECT_THAT(report.wrap_problem, IsEmpty());
  EXPECT_TRUE(report.is_never_extractable);
  ASSERT_EQ(report.findings.size(), kKeyAttributeCount);
  for (std::size_t i = 0; i < kKeyAttributeCount; ++i) {
    EXPECT_EQ(report.findings[i].attribute, kNames[i]);
    EXPECT_EQ(report.findings[i].finding, Finding::kPass) << kNames[i];
  }
}

TEST(KeyPolicyTest, LetsNoKeyWrapWithAnyOneAttributeOtherwiseAndNamesIt) {
  for (std::size_t i = 0; i < kKeyAttributeCount; ++i) {
    InventoryEntry entry = GoodKey();
    entry.values ^= 1u << i;
    const PolicyReport report = Judged(entry);
    EXPECT_THAT(report.wrap_problem, HasSubstr(std::string(kNames[i]) + " is ")) << kNames[i];
    EXPECT_THAT(report.wrap_problem, HasSubstr("token hsm-a"));
    EXPECT_EQ(report.findings[i].finding, Finding::kFail) << kNames[i];
  }
}

TEST(KeyPolicyTest, LetsNoKeyWrapOfWhichTheTokenDoesNotSayEverything) {
  for (std::size_t i = 0; i < kKeyAttributeCount; ++i) {
    InventoryEntry entry = GoodKey();
    entry.reported &= ~(1u << i);
    const PolicyReport report = Judged(entry);
    EXPECT_THAT(report.wrap_problem, HasSubstr(std::string(kNames[i]) + " is not reported"));
    EXPECT_EQ(report.findings[i].finding, Finding::kNotReported) << kNames[i];
  }
}

TEST(KeyPolicyTest, WaivesAnAttributeForTheTokenThatIsNamedAndNoOther) {
  InventoryEntry entry = GoodKey();
  entry.values |= Bit(KeyAttribute::kModifiable);
  const config::KeyPolicy policy{.waive = {{"hsm-a", {"CKA_MODIFIABLE"}}}};
  const PolicyReport waived = Judged(entry, policy);
  EXPECT_THAT(waived.wrap_problem, IsEmpty());
  EXPECT_EQ(waived.findings[static_cast<std::size_t>(KeyAttribute::kModifiable)].finding,
            Finding::kWaived);
  EXPECT_THAT(JudgeWrapKey(entry, "hsm-b", policy).wrap_problem, HasSubstr("CKA_MODIFIABLE"));
}

TEST(KeyPolicyTest, WaivesOneAttributeAndKeepsToTheOthers) {
  InventoryEntry entry = GoodKey();
  entry.values |= Bit(KeyAttribute::kModifiable) | Bit(KeyAttribute::kWrap);
  const std::string problem =
      Judged(entry, {.waive = {{"hsm-a", {"CKA_MODIFIABLE"}}}}).wrap_problem;
  EXPECT_THAT(problem, HasSubstr("CKA_WRAP is true"));
  EXPECT_THAT(problem, ::testing::Not(HasSubstr("CKA_MODIFIABLE")));
}

TEST(KeyPolicyTest, NeverWaivesThatAKeyWasNeverExtractable) {
  const config::KeyPolicy policy{.waive = {{"hsm-a", {"CKA_NEVER_EXTRACTABLE"}}}};
  InventoryEntry extracted = GoodKey(), silent = GoodKey();
  extracted.values &= ~Bit(KeyAttribute::kNeverExtractable);
  silent.reported &= ~Bit(KeyAttribute::kNeverExtractable);
  for (const InventoryEntry& entry : {extracted, silent}) {
    EXPECT_FALSE(Judged(entry, policy).is_never_extractable);
    EXPECT_THAT(Judged(entry, policy).wrap_problem, HasSubstr("CKA_NEVER_EXTRACTABLE"));
  }
}

TEST(KeyPolicyTest, BelievesNoValueThatIsNotReported) {
  InventoryEntry entry;
  entry.values = ~0u;
  EXPECT_FALSE(Judged(entry).is_never_extractable);
}

TEST(KeyPolicyTest, WantsAes256WhereTheTokenTellsTheLength) {
  InventoryEntry entry = GoodKey();
  entry.bits = 128;
  EXPECT_THAT(Judged(entry).wrap_problem, HasSubstr("128 bits, not 256"));
  entry.bits = 0;
  EXPECT_THAT(Judged(entry).wrap_problem, IsEmpty());
}

TEST(KeyPolicyTest, NamesItsFindingsAsTheCommandsPrintThem) {
  EXPECT_EQ(Name(Finding::kPass), "pass");
  EXPECT_EQ(Name(Finding::kFail), "fail");
  EXPECT_EQ(Name(Finding::kNotReported), "not_reported");
  EXPECT_EQ(Name(Finding::kWaived), "waived");
}

}  // namespace
}  // namespace mortise::hsm
