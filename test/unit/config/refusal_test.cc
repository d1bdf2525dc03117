// SPDX-License-Identifier: Apache-2.0
#include "test/unit/config/refusal.h"

namespace mortise::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST_P(Refuses, AndSaysWhy) {
  EXPECT_THAT(ProblemsOf(GetParam().text), ElementsAre(HasSubstr(GetParam().problem)));
}

INSTANTIATE_TEST_SUITE_P(
    Form, Refuses,
    testing::Values(
        Refusal{"AnEmptyFile", "", "m.yaml:1:1: the file is empty"},
        Refusal{"ATextThatIsNoMap", "hello", "m.yaml:1:1: must be a map, not a single value"},
        Refusal{"BrokenYaml", "tokens: [a", "m.yaml:1:1: not YAML: end of sequence flow not found"},
        Refusal{"ASecondDocument", std::string(kGoodText) + "---\na: b\n",
                "more than one document"},
        Refusal{"AnUnknownKeyAndNamesItsLineAndTheNearestKey", WithTokenLine("sesions: 4"),
                "m.yaml:7:5: tokens[0].sesions: unknown key; did you mean \"sessions\"?"},
        Refusal{"AKeyInTheWrongCase", WithTokenLine("Sessions: 4"), "did you mean \"sessions\"?"},
        Refusal{"AKeyThatResemblesNoneAndListsThem", "zzzzzzzz: 1\n" + std::string(kGoodText),
                "m.yaml:1:1: zzzzzzzz: unknown key; known: stateDir, metrics, log"},
        Refusal{"ADuplicateKeyAndNamesTheFirst", WithTokenLine("name: other"),
                "m.yaml:7:5: tokens[0].name: duplicate key; the first is at line 3"},
        Refusal{"AMissingKey", With("    context: cluster-a\n", ""),
                "m.yaml:8:5: keyrings[0].context: is missing"},
        Refusal{"ATokenWithoutAName", With("name: hsm-a\n    module", "module"),
                "m.yaml:3:5: tokens[0].name: is missing"},
        Refusal{"AFileWithoutTokens", With(kGoodText.substr(27, 112), "tokens: []\n"),
                "tokens: must not be empty"},
        Refusal{"AnEmptyValue", With("cluster-a", ""),
                "keyrings[0].context: must be a single value"},
        Refusal{"AListWhereAMapBelongs", "log: [info]\n" + std::string(kGoodText),
                "m.yaml:1:6: log: must be a map, not a list"},
        Refusal{"AMapWhereAValueBelongs", With("cluster-a", "{a: b}"),
                "keyrings[0].context: must be a single value, not a map"},
        Refusal{"AValueWhereAListBelongs", WithKeyringLine("tokens: hsm-a"),
                "keyrings[0].tokens: must be a list, not a single value"},
        Refusal{"AKeyThatIsAList", std::string(kGoodText) + "? [a]\n: b\n",
                "a key must be a single word"},
        Refusal{"AnAnchor", With("cluster-a", "&c cluster-a"), "keyrings[0].context: anchors"},
        Refusal{"AnAlias", WithTokenLine("initArgs: *x"), "not YAML"},
        Refusal{"AMergeKey", WithTokenLine("<<: {sessions: 4}"), "tokens[0].<<: merge keys are"},
        Refusal{"ATag", With("cluster-a", "!!str cluster-a"), "keyrings[0].context: tags"},
        Refusal{"ANumberWhereTextBelongs", With("cluster-a", "17"),
                "keyrings[0].context: must be text; put the value in quotes"},
        Refusal{"ABooleanWhereTextBelongs", With("cluster-a", "true"), "must be text"},
        Refusal{"ALineBreakInAText", With("cluster-a", "\"a\\nb\""), "holds a line break"},
        Refusal{"AZeroByteInAPath", With("/usr/lib/vendor.so", "\"/usr/lib/v\\0.so\""),
                "tokens[0].module: holds a line break or another control character"},
        Refusal{"TextThatIsNotUtf8", With("cluster-a", "cluster-\xff"), "m.yaml:9:22: not UTF-8"}),
    NameOfRefusal);

INSTANTIATE_TEST_SUITE_P(
    Value, Refuses,
    testing::Values(
        Refusal{"ANumberOutOfRange", WithTokenLine("sessions: 65"),
                "m.yaml:7:15: tokens[0].sessions: 65 is out of range; it may be 1 to 64"},
        Refusal{"ANegativeNumber", WithTokenLine("workers: -1"), "-1 is out of range"},
        Refusal{"ANumberBeyondAllIntegers", WithKeyringLine("wrapLimit: 99999999999999999999"),
                "is out of range; it may be 1 to 268435456"},
        Refusal{"ANumberInQuotes", WithTokenLine("sessions: \"4\""), "must be a whole number"},
        Refusal{"AFraction", WithTokenLine("sessions: 4.5"), "must be a whole number"},
        Refusal{"ANumberWithALeadingZero", WithTokenLine("sessions: 04"), "must be a whole number"},
        Refusal{"ABooleanThatIsAWord", WithTokenLine("readWriteSessions: yes"),
                "must be true or false"},
        Refusal{"ATimeWithoutAUnit", WithTokenLine("hangLimit: 10"),
                "must be a time with its unit"},
        Refusal{"ATimeOutOfRange", WithTokenLine("operationTimeout: 31s"),
                "31s is out of range; it may be 10ms to 30s"},
        Refusal{"ATimeFinerThanAMillisecond", WithTokenLine("operationTimeout: 10.0005s"),
                "must be a time with its unit"},
        Refusal{"AnUnknownWordAndNamesTheNearest", WithKeyringLine("statusPolicy: brigde"),
                "\"brigde\" is unknown; did you mean \"bridge\"?"},
        Refusal{"AnUnknownIvMode", WithTokenLine("ivMode: zero"), "tokens[0].ivMode"},
        Refusal{"DiscoveryByFileWithoutTheFile", WithKeyringLine("discovery: file"),
                "keyrings[0].keysFile: is missing"},
        Refusal{"AKeysFileThatNobodyReads", WithKeyringLine("keysFile: /etc/k"),
                "keyrings[0].keysFile: is used with discovery: file only"},
        Refusal{"ARelativeKeysFile", WithKeyringLine("discovery: file\n    keysFile: k.yaml"),
                "keyrings[0].keysFile: must be an absolute path"},
        Refusal{"SoftwareWrappingUnderFips",
                WithKeyringLine("scheme: rsa-oaep-sign\n    policy: {mode: fips}"),
                "keyrings[0].scheme: rsa-oaep-sign encrypts outside the token"},
        Refusal{"CallerIvsUnderFips",
                With("    pinFile", "    ivMode: caller\n    pinFile") +
                    "    scheme: aes-gcm\n    policy: {mode: fips}\n",
                "keyrings[0].policy.mode: fips does not take the caller's IVs, which hsm-a"},
        Refusal{"AnAssuranceWithoutItsStandard", WithTokenLine("assurance: {level: \"3\"}"),
                "tokens[0].assurance.standard: is missing"},
        Refusal{"ACertificateThatEndsOnNoDay",
                WithTokenLine("assurance: {standard: FIPS, validUntil: 2027-02-30}"),
                "tokens[0].assurance.validUntil: must be a day of the form"},
        Refusal{"PlainOaep", WithKeyringLine("scheme: rsa-oaep"), "keyrings[0].scheme"},
        Refusal{"ATokenPolicyOfALaterVersion", WithKeyringLine("tokenPolicy: round-robin"),
                "is unknown; known: active-passive"},
        Refusal{"AnUnknownApiVersion", WithKeyringLine("version: v1"), "did you mean \"v2\"?"},
        Refusal{"ASocketModeWithoutQuotes", WithKeyringLine("socketMode: 0600"),
                "must be an octal mode in quotes"},
        Refusal{"ASocketModeThatLocksItsOwnerOut", WithKeyringLine("socketMode: \"0060\""),
                "must be an octal mode"},
        Refusal{"AnExecutableSocket", WithKeyringLine("socketMode: \"0700\""), "nobody execute"},
        Refusal{"NoAllowedUid", WithKeyringLine("allowedUids: []"), "nobody could connect"},
        Refusal{"AUserNameForAUid", WithKeyringLine("allowedUids: [root]"),
                "allowedUids[0]: must be a whole number"},
        Refusal{"TheUidThatMeansNobody", WithKeyringLine("allowedUids: [4294967295]"),
                "out of range"},
        Refusal{"AUidListedTwice", WithKeyringLine("allowedUids: [0, 0]"), "is listed twice"}),
    NameOfRefusal);

INSTANTIATE_TEST_SUITE_P(
    Text, Refuses,
    testing::Values(
        Refusal{"ARelativeStateDir", With("/var/lib/mortise", "var"),
                "stateDir: must be an absolute"},
        Refusal{"ARelativeModule", With("/usr/lib/vendor.so", "vendor.so"),
                "tokens[0].module: must be an absolute path"},
        Refusal{"ATokenNameThatIsAPath", With("hsm-a", "../x"), "tokens[0].name: must be 1 to 63"},
        Refusal{"AKeyringNameInUpperCase", With("prod", "Prod"),
                "keyrings[0].name: must be 1 to 15"},
        Refusal{"AKeyringNameThatEndsWithADash", With("prod", "prod-"), "must be 1 to 15"},
        Refusal{"AKeyringNameOf16", With("prod", "abcdefghijklmnop"), "must be 1 to 15"},
        Refusal{"AnEmptyContext", With("cluster-a", "\"\""), "must have 1 to 256 bytes, not 0"},
        Refusal{"AContextOf257Bytes", With("cluster-a", std::string(257, 'a')), "not 257"},
        Refusal{"AnAbstractSocket", With("/run/mortise/prod.sock", "\"@kms\""), "abstract socket"},
        Refusal{"ARelativeSocket", With("/run/mortise/prod.sock", "kms.sock"),
                "must be an absolute"},
        Refusal{"ASocketPathOf108Bytes",
                With("/run/mortise/prod.sock", "/" + std::string(107, 'a')), "has 108 bytes"},
        Refusal{"ASocketPathWithDots", With("/run/mortise/prod.sock", "/run/../k"), "plain path"},
        Refusal{"ASocketThatIsAFolder", With("/run/mortise/prod.sock", "/run/"), "plain path"},
        Refusal{"AMetricsAddressWithoutAPort",
                "metrics: {address: localhost}\n" + std::string(kGoodText), "must be host:port"},
        Refusal{"AMetricsAddressWithoutAHost",
                "metrics: {address: \":9464\"}\n" + std::string(kGoodText), "must be host:port"},
        Refusal{"AMetricsPortBeyondAllPorts",
                "metrics: {address: \"127.0.0.1:70000\"}\n" + std::string(kGoodText),
                "metrics.address: has a port beyond 65535"},
        Refusal{"ALoaderVariable", WithTokenLine("environment: {LD_PRELOAD: /x}"),
                "tokens[0].environment.LD_PRELOAD: is refused"},
        Refusal{"LibcTunables", WithTokenLine("environment: {GLIBC_TUNABLES: x}"), "is refused"},
        Refusal{"AVariableNameWithABlank", WithTokenLine("environment: {\"A B\": x}"),
                "is no name of an environment variable"},
        Refusal{"ANumberAsVariable", WithTokenLine("environment: {A: 1}"), "must be text"},
        Refusal{"ASecurityOfficer", WithTokenLine("userType: so"), "must be user or the number"},
        Refusal{"AUserTypeThatIsNoVendorsRole", WithTokenLine("userType: \"0x1\""),
                "must be user or the number"}),
    NameOfRefusal);

INSTANTIATE_TEST_SUITE_P(
    Reference, Refuses,
    testing::Values(
        Refusal{"TwoTokensOfOneName", WithSecondToken("hsm-a"),
                "tokens[1].name: is the same as tokens[0].name"},
        Refusal{"TwoKeyringsOfOneName",
                std::string(kGoodText) + "  - {name: prod, context: c, socket: /run/b}\n",
                "keyrings[1].name: is the same as keyrings[0].name"},
        Refusal{
            "TwoKeyringsOnOneSocket",
            std::string(kGoodText) + "  - {name: b, context: c, socket: /run/mortise/prod.sock}\n",
            "keyrings[1].socket: is the same as keyrings[0].socket"},
        Refusal{"ATokenThatIsNotThereAndNamesTheNearest", WithKeyringLine("tokens: [hsm-b]"),
                "keyrings[0].tokens[0]: no token is named \"hsm-b\"; did you mean \"hsm-a\"?"},
        Refusal{"ATokenListedTwice", WithKeyringLine("tokens: [hsm-a, hsm-a]"),
                "keyrings[0].tokens[1]: is the same as keyrings[0].tokens[0]"},
        Refusal{"AnEmptyListOfTokens", WithKeyringLine("tokens: []"), "tokens: must not be empty"},
        Refusal{"ALoginWithoutAPinFile", With("    pinFile: /etc/mortise/a.pin\n", ""),
                "tokens[0].pinFile: is missing; name the file"},
        Refusal{"APinFileWithoutALogin", WithTokenLine("login: none"),
                "is not used with login: none"},
        Refusal{"PinnedTrustWithoutCanaries", WithKeyringLine("trust: pinned"),
                "keyrings[0].canaries: is missing"},
        Refusal{"CanariesWithoutPinnedTrust", WithKeyringLine("canaries: /etc/c"),
                "is used with trust: pinned only"},
        Refusal{"AWaiverForATokenThatIsNotThere",
                WithKeyringLine("policy: {waive: {x: [CKA_LOCAL]}}"),
                "keyrings[0].policy.waive.x: no token is named \"x\""},
        Refusal{"AWaiverOfNeverExtractable",
                WithKeyringLine("policy: {waive: {hsm-a: [CKA_NEVER_EXTRACTABLE]}}"),
                "CKA_NEVER_EXTRACTABLE cannot be waived"},
        Refusal{"AWaiverOfAnUnknownAttribute",
                WithKeyringLine("policy: {waive: {hsm-a: [CKA_LOCL]}}"),
                "did you mean \"CKA_LOCAL\"?"},
        Refusal{"AHangLimitBelowTheOperationTimeout", WithTokenLine("hangLimit: 1s"),
                "1s is less than operationTimeout (2s)"},
        Refusal{"AStalenessBelowTheCanaryInterval", WithKeyringLine("statusStaleness: 5s"),
                "5s is less than the canaryInterval (10s) of token hsm-a"}),
    NameOfRefusal);

Refusal Uri(const std::string& name, const std::string& uri, const std::string& problem) {
  return {name, With("pkcs11:token=a", uri), "tokens[0].uri: " + problem};
}

INSTANTIATE_TEST_SUITE_P(
    Uri, Refuses,
    testing::Values(
        Uri("AnotherScheme", "http://x", "must begin with \"pkcs11:\""),
        Uri("AUriThatNamesNothing", "pkcs11:", "names no token"),
        Uri("AnAttributeThatOccursTwice", "pkcs11:token=a;token=b",
            "holds the attribute token twice"),
        Uri("AnUnknownAttribute", "pkcs11:tokn=a",
            "has an unknown attribute \"tokn\"; did you mean"),
        Uri("AVendorAttribute", "pkcs11:token=a;x-foo=b", "has an unknown attribute \"x-foo\""),
        Uri("AnObject", "pkcs11:token=a;object=k", "must not hold object"),
        Uri("AnId", "pkcs11:token=a;id=%01", "must not hold id"),
        Uri("APinInTheUri", "pkcs11:token=a?pin-value=x", "must not hold pin-value"),
        Uri("APinSource", "pkcs11:token=a?pin-source=/p", "must not hold pin-source"),
        Uri("AModuleInTheUri", "pkcs11:token=a?module-path=/m", "must not hold module-path"),
        Uri("AnyOtherQuery", "pkcs11:token=a?x=y", "must not have a query part"),
        Uri("ASlotAlone", "pkcs11:slot-id=0", "must say which token"),
        Uri("AnAttributeWithoutAValue", "pkcs11:token=", "has no value for token"),
        Uri("AWordWithoutAnEqualsSign", "pkcs11:token", "must be of the form"),
        Uri("ABrokenPercentEncoding", "pkcs11:token=%zz", "is no RFC 7512 URI"),
        Uri("ALabelOver32Bytes", "pkcs11:token=" + std::string(33, 'a'),
            "has a value that no token can have")),
    NameOfRefusal);

TEST(ConfigProblemsTest, TellsAllOfThemAtOnceInTheOrderOfTheFile) {
  const std::string text = "stateDir: x\nlog: {level: loud}\nlog: {}\n";
  EXPECT_THAT(ProblemsOf(text), ElementsAre(HasSubstr("m.yaml:1:1: tokens: is missing"),
                                            HasSubstr("m.yaml:1:1: keyrings: is missing"),
                                            HasSubstr("m.yaml:1:11: stateDir: "),
                                            HasSubstr("m.yaml:2:14: log.level: "),
                                            HasSubstr("m.yaml:3:1: log: duplicate key")));
}

TEST(ConfigProblemsTest, RepeatsNoValueThatCouldBeAPin) {
  const std::string text = With("/etc/mortise/a.pin", "hunter2-9") + With("", "pin: hunter2-9\n");
  for (const std::string& problem : ProblemsOf(text)) {
    EXPECT_THAT(problem, testing::Not(HasSubstr("hunter2")));
  }
  EXPECT_THAT(ProblemsOf(With("pkcs11:token=a", "pkcs11:token=a?pin-value=hunter2")),
              ElementsAre(testing::Not(HasSubstr("hunter2"))));
}

}  // namespace
}  // namespace mortise::config
