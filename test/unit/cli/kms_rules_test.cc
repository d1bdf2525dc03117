// SPDX-License-Identifier: Apache-2.0
#include "cli/kms_rules.h"

#include <gtest/gtest.h>

namespace mortise::cli {
namespace {

TEST(KmsRulesTest, AcceptsAnnotationKeysThatAreNamesOfTwoLabels) {
  for (const char* key : {"a.com", "k8s.io", "dev.k8s.io.", "10.0.0.1", "x-y.example.com"}) {
    EXPECT_EQ(AnnotationsProblem({{key, ""}}), "") << key;
  }
}

TEST(KmsRulesTest, RefusesOtherAnnotationKeys) {
  const std::string long_label = std::string(64, 'a') + ".io";
  const std::string long_name = std::string(252, '.').replace(0, 1, "a") + "io";
  for (const std::string& key :
       {std::string(""), std::string("simple"), std::string("."), std::string("simple."),
        std::string("Dev.k8s.io"), std::string("a_b.k8s.io"), std::string("*.example.com"),
        std::string("kms.example.io/remote-id"), std::string("-a.io"), std::string("a-.io"),
        std::string("a..io"), long_label, long_name}) {
    EXPECT_NE(AnnotationsProblem({{key, ""}}), "") << key;
  }
}

TEST(KmsRulesTest, CountsKeysAndValuesOfAllAnnotationsTogether) {
  EXPECT_EQ(AnnotationsProblem({{"a.io", std::string(32768 - 8, 'x')}, {"b.io", ""}}), "");
  EXPECT_NE(AnnotationsProblem({{"a.io", std::string(32768 - 7, 'x')}, {"b.io", ""}}), "");
}

TEST(KmsRulesTest, TakesHealthzToTheLetter) {
  EXPECT_EQ(HealthzProblem("ok"), "");
  for (const char* text : {"", "OK", "ok ", " ok", "ok\n"}) EXPECT_NE(HealthzProblem(text), "");
}

TEST(KmsRulesTest, KnowsTheTwoVersions) {
  EXPECT_EQ(VersionProblem("v2"), "");
  EXPECT_EQ(VersionProblem("v2beta1"), "");
  for (const char* text : {"", "V2", "v2alpha1", "v2 "}) EXPECT_NE(VersionProblem(text), "");
}

TEST(KmsRulesTest, BoundsTheCiphertextByItsBytes) {
  EXPECT_EQ(CiphertextProblem(std::string(1, '\0')), "");
  EXPECT_EQ(CiphertextProblem(std::string(1024, 'c')), "");
  EXPECT_NE(CiphertextProblem(""), "");
  EXPECT_NE(CiphertextProblem(std::string(1025, 'c')), "");
}

}  // namespace
}  // namespace mortise::cli
