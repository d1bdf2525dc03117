// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/duration.h"
#include "test/unit/config/good_text.h"

namespace mortise::config {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(ConfigTest, FillsInTheDefaults) {
  const Config config = Parse(std::string(kGoodText), "m.yaml");
  const Token& token = config.tokens.at(0);
  EXPECT_EQ(token.sessions, 4);
  EXPECT_EQ(token.operation_timeout, 2s);
  const Keyring& keyring = config.keyrings.at(0);
  EXPECT_EQ(keyring.socket_mode, 0600U);
  EXPECT_EQ(keyring.bridge_limit, 1h);
  EXPECT_EQ(config.metrics.address, "127.0.0.1:9464");
}

TEST(ConfigTest, GivesAKeyringAllTokensUnlessItNamesSome) {
  const Config config = Parse(WithSecondToken("hsm-b"), "m.yaml");
  EXPECT_THAT(config.keyrings.at(0).tokens, ElementsAre("hsm-a", "hsm-b"));
}

TEST(ConfigTest, ReadsEveryKeyOfAToken) {
  const Token token = Parse(WithTokenLine(R"(login: pin
    userType: "0x80000001"
    environment: {SOFTHSM2_CONF: /etc/softhsm2.conf}
    initArgs: "configdir='/x'"
    workers: 2
    sessions: 8
    readWriteSessions: false
    operationTimeout: 500ms
    hangLimit: 30s
    startTimeout: 1m
    canaryInterval: 5s
    rescan: respawn
    ivMode: caller)"),
                            "m.yaml")
                          .tokens.at(0);
  EXPECT_EQ(token.user_type, "0x80000001");
  EXPECT_EQ(token.environment.at("SOFTHSM2_CONF"), "/etc/softhsm2.conf");
  EXPECT_EQ(token.init_args, "configdir='/x'");
  EXPECT_EQ(token.workers, 2);
  EXPECT_EQ(token.sessions, 8);
  EXPECT_FALSE(token.read_write_sessions);
  EXPECT_EQ(token.operation_timeout, 500ms);
  EXPECT_EQ(token.hang_limit, 30s);
  EXPECT_EQ(token.start_timeout, 1min);
  EXPECT_EQ(token.canary_interval, 5s);
  EXPECT_EQ(token.rescan, Rescan::kRespawn);
  EXPECT_EQ(token.iv_mode, IvMode::kCaller);
}

TEST(ConfigTest, ReadsWhatIsStatedOfATokensCertificate) {
  const Token token = Parse(WithTokenLine("assurance: {standard: FIPS 140-3, certificate: \"4711\","
                                          " level: \"3\", firmware: \"7.4\", mode: approved,"
                                          " validUntil: 2030-12-31}"),
                            "m.yaml")
                          .tokens.at(0);
  ASSERT_TRUE(token.assurance);
  EXPECT_EQ(token.assurance->standard, "FIPS 140-3");
  EXPECT_EQ(token.assurance->certificate, "4711");
  EXPECT_EQ(token.assurance->level, "3");
  EXPECT_EQ(token.assurance->firmware, "7.4");
  EXPECT_EQ(token.assurance->mode, "approved");
  EXPECT_EQ(token.assurance->valid_until, "2030-12-31");
}

TEST(ConfigTest, TakesFipsWhereATokenMayMakeItsIvsOrAnotherSchemeNeedsNone) {
  const std::string caller = With("    pinFile", "    ivMode: caller\n    pinFile");
  EXPECT_THAT(ProblemsOf(caller + "    policy: {mode: fips}\n"), IsEmpty());
  EXPECT_THAT(ProblemsOf(caller + "    scheme: aes-kwp\n    policy: {mode: fips}\n"), IsEmpty());
}

TEST(ConfigTest, ReadsEveryKeyOfAKeyring) {
  const Keyring keyring = Parse(WithKeyringLine(R"(socketMode: "0660"
    allowedUids: [0, 65535]
    version: v2beta1
    tokens: [hsm-a]
    tokenPolicy: active-passive
    statusPolicy: strict
    bridgeLimit: 1h30m
    statusStaleness: 1m
    discovery: file
    keysFile: /etc/mortise/keys.yaml
    rescanInterval: 10s
    trust: pinned
    canaries: /etc/mortise/canaries.json
    scheme: aes-gcm
    policy: {mode: fips, waive: {hsm-a: [CKA_LOCAL, CKA_NEVER_EXTRACTABLE]}}
    cryptoperiod: 24h
    wrapLimit: 1000
    maxWrapsPerSecond: 0)"),
                                "m.yaml")
                              .keyrings.at(0);
  EXPECT_EQ(keyring.socket_mode, 0660U);
  EXPECT_THAT(keyring.allowed_uids, ElementsAre(0, 65535));
  EXPECT_EQ(keyring.version, "v2beta1");
  EXPECT_EQ(keyring.status_policy, StatusPolicy::kStrict);
  EXPECT_EQ(keyring.bridge_limit, 90min);
  EXPECT_EQ(keyring.status_staleness, 1min);
  EXPECT_EQ(keyring.rescan_interval, 10s);
  EXPECT_EQ(keyring.trust, Trust::kPinned);
  EXPECT_EQ(keyring.canaries, "/etc/mortise/canaries.json");
  EXPECT_EQ(keyring.scheme, "aes-gcm");
  EXPECT_THAT(keyring.policy.waive.at("hsm-a"), ElementsAre("CKA_LOCAL", "CKA_NEVER_EXTRACTABLE"));
  EXPECT_EQ(keyring.policy.mode, PolicyMode::kFips);
  EXPECT_EQ(keyring.discovery, Discovery::kFile);
  EXPECT_EQ(keyring.keys_file, "/etc/mortise/keys.yaml");
  EXPECT_EQ(keyring.cryptoperiod, 24h);
  EXPECT_EQ(keyring.wrap_limit, 1000U);
  EXPECT_EQ(keyring.max_wraps_per_second, 0);
}

TEST(ConfigTest, TakesATokenWithoutALogin) {
  EXPECT_THAT(ProblemsOf(With("pinFile: /etc/mortise/a.pin", "login: none")), IsEmpty());
}

TEST(ConfigTest, TakesAllThatDescribesATokenInItsUri) {
  EXPECT_THAT(ProblemsOf(With("pkcs11:token=a",
                              "pkcs11:token=a%20b;serial=01;manufacturer=m;model=x;slot-id=1;"
                              "library-manufacturer=l;slot-description=d")),
              IsEmpty());
}

TEST(ConfigTest, ShowsWhatItReadsBackTheSame) {
  const std::string text = With("name: hsm-a", "name: \"null\"");
  const Config config = Parse(text + "    policy: {waive: {\"null\": [CKA_LOCAL]}}\n", "m.yaml");
  const std::string shown = Show(config);
  EXPECT_EQ(Show(Parse(shown, "shown.yaml")), shown);
}

TEST(ConfigTest, ShowsACertificateAndAKeysFileAsItReadsThem) {
  const std::string text =
      With("    pinFile", "    assurance: {standard: FIPS, level: \"3\"}\n    pinFile") +
      "    discovery: file\n    keysFile: /etc/k.yaml\n";
  const std::string shown = Show(Parse(text, "m.yaml"));
  EXPECT_EQ(Show(Parse(shown, "shown.yaml")), shown);
  EXPECT_EQ(Parse(shown, "shown.yaml").tokens.at(0).assurance->level, "3");
  EXPECT_EQ(Parse(shown, "shown.yaml").keyrings.at(0).keys_file, "/etc/k.yaml");
}

TEST(ConfigTest, ShowsTextThatYamlWouldTakeForSomethingElse) {
  const Config config = Parse(With("cluster-a", "\"12: 'ä' \\\" # &x\""), "m.yaml");
  EXPECT_EQ(Parse(Show(config), "shown.yaml").keyrings.at(0).context, "12: 'ä' \" # &x");
}

TEST(DurationTest, ReadsWhatGoWrites) {
  EXPECT_EQ(ParseDuration("250ms"), 250ms);
  EXPECT_EQ(ParseDuration("1h30m"), 90min);
  EXPECT_EQ(ParseDuration("1.5s"), 1500ms);
  EXPECT_EQ(ParseDuration("2h0m0s"), 2h);
  EXPECT_EQ(ParseDuration("8760h"), 8760h);
}

TEST(DurationTest, RefusesWhatIsNoWholeNumberOfMilliseconds) {
  for (const char* text :
       {"", "5", "s", ".s", "1.2.3s", "-1s", "+1s", "1 s", "1us", "0.0001s", "1d", "1sx"}) {
    EXPECT_EQ(ParseDuration(text), std::nullopt) << text;
  }
}

TEST(DurationTest, RefusesWhatWouldOverflow) {
  for (const char* text : {"99999999999999999999h", "18446744073709551617s", "876001h",
                           "876000h1ms", "999999999999h"}) {
    EXPECT_EQ(ParseDuration(text), std::nullopt) << text;
  }
  EXPECT_TRUE(ParseDuration("876000h"));
}

TEST(DurationTest, IsWrittenInItsShortestForm) {
  EXPECT_EQ(FormatDuration(0ms), "0s");
  EXPECT_EQ(FormatDuration(90min), "1h30m");
  EXPECT_EQ(FormatDuration(1500ms), "1s500ms");
}

}  // namespace
}  // namespace mortise::config
