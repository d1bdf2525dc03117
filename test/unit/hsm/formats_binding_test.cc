// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <set>

#include "hsm/scheme/binding.h"

namespace mortise::hsm {
namespace {

constexpr std::array<std::uint8_t, 4> kHeader = {1, 1, 12, 16};
constexpr std::string_view kKeyId = "prod.3.d8bbac413711cbb9";

std::string BindingHex(Purpose purpose) {
  return ToHex(Binding(purpose, kHeader, "prod", "cluster-a", kKeyId));
}

TEST(BindingTest, IsTheReleasedVectorForEachPurpose) {
  EXPECT_EQ(BindingHex(Purpose::kSeed),
            "44f06fb94282141db6fd15f2e07cf2962402ea1c7ceabef2589ea95997bef3e6");
  EXPECT_EQ(BindingHex(Purpose::kCanary),
            "4627f1eaf2d2ef0cfcc5454181532325a7bb2914f073cc79db79b7e6944ca068");
  EXPECT_EQ(BindingHex(Purpose::kSelfTest),
            "c0fe754fb2407098a5d4dc43543a62d8384aacd9952e46fdb1e3e734b0adf58b");
}

TEST(BindingTest, ChangesWithEveryPart) {
  constexpr std::array<std::uint8_t, 4> kOtherHeader = {1, 1, 16, 16};
  const std::set<Digest> bindings = {
      Binding(Purpose::kSeed, kHeader, "prod", "cluster-a", kKeyId),
      Binding(Purpose::kCanary, kHeader, "prod", "cluster-a", kKeyId),
      Binding(Purpose::kSeed, kOtherHeader, "prod", "cluster-a", kKeyId),
      Binding(Purpose::kSeed, kHeader, "test", "cluster-a", kKeyId),
      Binding(Purpose::kSeed, kHeader, "prod", "cluster-b", kKeyId),
      Binding(Purpose::kSeed, kHeader, "prod", "cluster-a", "prod.4.d8bbac413711cbb9"),
      // The same bytes, cut elsewhere: the length prefixes keep the fields apart.
      Binding(Purpose::kSeed, kHeader, "prodcluster", "-a", kKeyId),
  };
  EXPECT_EQ(bindings.size(), 7u);
}

}  // namespace
}  // namespace mortise::hsm
