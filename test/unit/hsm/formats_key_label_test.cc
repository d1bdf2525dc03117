// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/error.h"
#include "hsm/scheme/key_label.h"

namespace mortise::hsm {
namespace {

using std::chrono::sys_days;
using namespace std::chrono_literals;

const WallTime kNoon = sys_days(2026y / 1 / 31) + 12h;
const KeyLabel kLabel = {"prod", 3, kNoon, SchemeId::kAesGcm, "c7d386", KeyRole::kWrap, false};

TEST(KeyLabelTest, IsTheReleasedForm) {
  EXPECT_EQ(FormatKeyLabel(kLabel), "prod.3.20260131T1200Z.01.c7d386");
}

TEST(KeyLabelTest, HasASuffixForEveryOtherRoleAndForAWithdrawal) {
  KeyLabel mac = kLabel, signer = kLabel, withdrawn = kLabel;
  mac.role = KeyRole::kMac;
  signer.role = KeyRole::kSigner;
  withdrawn.withdrawn = true;
  EXPECT_EQ(FormatKeyLabel(mac), "prod.3.20260131T1200Z.01.c7d386.m");
  EXPECT_EQ(FormatKeyLabel(signer), "prod.3.20260131T1200Z.01.c7d386.s");
  EXPECT_EQ(FormatKeyLabel(withdrawn), "prod.3.20260131T1200Z.01.c7d386.x");
  for (const KeyLabel& label : {kLabel, mac, signer, withdrawn}) {
    EXPECT_EQ(ParseKeyLabel(FormatKeyLabel(label)), label);
  }
}

TEST(KeyLabelTest, FitsFortySevenBytesAtItsLongest) {
  const KeyLabel longest = {"abcdefghij-1234", 9999, kNoon, SchemeId::kRsaOaepSignSha1, "c7d386",
                            KeyRole::kSigner,  false};
  EXPECT_EQ(FormatKeyLabel(longest).size(), 47u);
  EXPECT_EQ(ParseKeyLabel(FormatKeyLabel(longest)), longest);
}

TEST(KeyLabelTest, HasTheContextTagOfTheReleasedVector) {
  EXPECT_EQ(ContextTag("cluster-a"), "c7d386");
}

TEST(KeyLabelTest, RefusesEveryOtherForm) {
  for (const std::string_view text : {"",
                                      ".",
                                      ".m",
                                      ".....",
                                      "prod",
                                      "prod.3.20260131T1200Z.01",
                                      "prod.3.20260131T1200Z.01.",
                                      "prod.3.20260131T1200Z.01.c7d38",
                                      "prod.3.20260131T1200Z.01.c7d3866",
                                      "prod.3.20260131T1200Z.01.C7D386",
                                      "prod.3.20260131T1200Z.00.c7d386",
                                      "prod.3.20260131T1200Z.02.c7d386",
                                      "prod.3.20260131T1200Z.09.c7d386",
                                      "prod.3.20260131T1200Z.1.c7d386",
                                      "prod.3.20260131T1200Z.11.c7d386",
                                      "prod.3.20260131T1200.01.c7d386",
                                      "prod.3.20260131 1200Z.01.c7d386",
                                      "prod.3.20260229T1200Z.01.c7d386",
                                      "prod.3.20261301T1200Z.01.c7d386",
                                      "prod.3.20260131T2400Z.01.c7d386",
                                      "prod.3.20260131T1260Z.01.c7d386",
                                      "prod.3.20260100T1200Z.01.c7d386",
                                      "prod.3.2026013aT1200Z.01.c7d386",
                                      "prod.0.20260131T1200Z.01.c7d386",
                                      "prod.03.20260131T1200Z.01.c7d386",
                                      "prod.10000.20260131T1200Z.01.c7d386",
                                      "prod..20260131T1200Z.01.c7d386",
                                      ".3.20260131T1200Z.01.c7d386",
                                      "a.b.3.20260131T1200Z.01.c7d386",
                                      "Prod.3.20260131T1200Z.01.c7d386",
                                      "prod.3.20260131T1200Z.01.c7d386.w",
                                      "prod.3.20260131T1200Z.01.c7d386.m.m",
                                      "prod.3.20260131T1200Z.01.c7d386.",
                                      "prod.3.20260131T1200Z.01.c7d386 ",
                                      "audit.node-1.20260131T1200Z.ed25519",
                                      "abcdefghij-12345.3.20260131T1200Z.01.c7d386"}) {
    EXPECT_EQ(ParseKeyLabel(text), std::nullopt) << text;
  }
}

TEST(KeyLabelTest, IsNotMadeOfPartsThatWouldNotReadBack) {
  KeyLabel with_seconds = kLabel, nameless = kLabel, mac_withdrawn = kLabel;
  with_seconds.activation += 30s;
  nameless.keyring = "";
  mac_withdrawn.role = KeyRole::kMac;
  mac_withdrawn.withdrawn = true;
  EXPECT_THROW(FormatKeyLabel(with_seconds), Error);
  EXPECT_THROW(FormatKeyLabel(nameless), Error);
  EXPECT_THROW(FormatKeyLabel(mac_withdrawn), Error);
}

TEST(KeyringNameTest, IsShortLowerCaseAndHasInnerHyphensOnly) {
  for (const std::string_view name : {"a", "7", "prod", "a-b", "a--b", "abcdefghij-1234"}) {
    EXPECT_TRUE(IsKeyringName(name)) << name;
  }
  for (const std::string_view name :
       {"", "-", "a-", "-a", "A", "a.b", "a_b", "a b", "abcdefghij-12345", "\xc3\xa4"}) {
    EXPECT_FALSE(IsKeyringName(name)) << name;
  }
}

}  // namespace
}  // namespace mortise::hsm
