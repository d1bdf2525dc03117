// SPDX-License-Identifier: Apache-2.0
#include "hsm/key_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <ostream>
#include <set>

namespace mortise::hsm {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::map<std::string_view, KeyAttribute> kAttributes = {
    {"CKA_SENSITIVE", KeyAttribute::kSensitive},
    {"CKA_ALWAYS_SENSITIVE", KeyAttribute::kAlwaysSensitive},
    {"CKA_EXTRACTABLE", KeyAttribute::kExtractable},
    {"CKA_NEVER_EXTRACTABLE", KeyAttribute::kNeverExtractable},
    {"CKA_LOCAL", KeyAttribute::kLocal},
    {"CKA_PRIVATE", KeyAttribute::kPrivate},
    {"CKA_MODIFIABLE", KeyAttribute::kModifiable},
    {"CKA_ENCRYPT", KeyAttribute::kEncrypt},
    {"CKA_DECRYPT", KeyAttribute::kDecrypt},
    {"CKA_WRAP", KeyAttribute::kWrap},
    {"CKA_UNWRAP", KeyAttribute::kUnwrap},
    {"CKA_SIGN", KeyAttribute::kSign},
    {"CKA_VERIFY", KeyAttribute::kVerify},
    {"CKA_DERIVE", KeyAttribute::kDerive}};

const std::set<std::string> kAllAttributes = {"CKA_SENSITIVE",   "CKA_ALWAYS_SENSITIVE",
                                              "CKA_EXTRACTABLE", "CKA_NEVER_EXTRACTABLE",
                                              "CKA_LOCAL",       "CKA_PRIVATE",
                                              "CKA_MODIFIABLE",  "CKA_ENCRYPT",
                                              "CKA_DECRYPT",     "CKA_WRAP",
                                              "CKA_UNWRAP",      "CKA_SIGN",
                                              "CKA_VERIFY",      "CKA_DERIVE"};

std::uint32_t Bit(KeyAttribute attribute) {
  return 1u << static_cast<unsigned>(attribute);
}

std::uint32_t Bits(std::initializer_list<KeyAttribute> attributes) {
  std::uint32_t bits = 0;
  for (const KeyAttribute attribute : attributes) bits |= Bit(attribute);
  return bits;
}

// A role in a scheme, and the object that is right for it.
struct Part {
  std::string name;
  KeyRole role;
  SchemeId scheme;
  ObjectKind kind;
  std::uint32_t bits;
  std::uint32_t uses;               // what it may do, and nothing else
  std::set<std::string> not_asked;  // what only public keys have
};

void PrintTo(const Part& part, std::ostream* out) {
  *out << part.name;
}

const Part kAesWrap{"AesWrapKey",
                    KeyRole::kWrap,
                    SchemeId::kAesGcm,
                    ObjectKind::kAes,
                    256,
                    Bits({KeyAttribute::kEncrypt, KeyAttribute::kDecrypt}),
                    {}};
const Part kRsaWrap{"RsaWrapKey",
                    KeyRole::kWrap,
                    SchemeId::kRsaOaepHmac,
                    ObjectKind::kRsaPrivate,
                    3072,
                    Bit(KeyAttribute::kDecrypt),
                    {"CKA_ENCRYPT", "CKA_WRAP", "CKA_VERIFY"}};
const Part kMac{"MacKey",
                KeyRole::kMac,
                SchemeId::kAesCbcHmac,
                ObjectKind::kMacSecret,
                256,
                Bits({KeyAttribute::kSign, KeyAttribute::kVerify}),
                {}};
const Part kSigner{"Signer",
                   KeyRole::kSigner,
                   SchemeId::kRsaOaepSign,
                   ObjectKind::kEcPrivate,
                   256,
                   Bit(KeyAttribute::kSign),
                   {"CKA_ENCRYPT", "CKA_WRAP", "CKA_VERIFY"}};

// As a token that reports everything shows a key made by `mortise key create`.
InventoryEntry GoodKey(const Part& part) {
  InventoryEntry entry;
  entry.kind = part.kind;
  entry.bits = part.bits;
  entry.reported = (1u << kKeyAttributeCount) - 1;
  entry.values = part.uses | Bits({KeyAttribute::kSensitive, KeyAttribute::kAlwaysSensitive,
                                   KeyAttribute::kNeverExtractable, KeyAttribute::kLocal,
                                   KeyAttribute::kPrivate});
  return entry;
}

config::Keyring With(config::KeyPolicy policy,
                     config::Discovery discovery = config::Discovery::kToken) {
  config::Keyring keyring;
  keyring.policy = std::move(policy);
  keyring.discovery = discovery;
  return keyring;
}

PolicyReport Judged(const Part& part, const InventoryEntry& entry,
                    const config::Keyring& keyring = {}) {
  return JudgeKey(entry, part.role, part.scheme, "hsm-a", keyring);
}

std::map<std::string, Finding> FindingsOf(const PolicyReport& report) {
  std::map<std::string, Finding> findings;
  for (const AttributeFinding& one : report.findings)
    findings[std::string(one.attribute)] = one.finding;
  return findings;
}

class KeyPolicyTest : public testing::TestWithParam<Part> {
 protected:
  // Those that are judged of this part.
  std::set<std::string> Asked() const {
    std::set<std::string> asked = kAllAttributes;
    for (const std::string& name : GetParam().not_asked) asked.erase(name);
    return asked;
  }
};

TEST_P(KeyPolicyTest, LetsAKeyOfOurOwnMakingWrap) {
  const PolicyReport report = Judged(GetParam(), GoodKey(GetParam()));
  EXPECT_THAT(report.wrap_problem, IsEmpty());
  EXPECT_TRUE(report.is_never_extractable);
  std::map<std::string, Finding> wanted;
  for (const std::string& name : Asked()) wanted[name] = Finding::kPass;
  EXPECT_EQ(FindingsOf(report), wanted);
}

TEST_P(KeyPolicyTest, LetsNoKeyWrapWithAnyOneAttributeOtherwiseAndNamesIt) {
  for (const std::string& name : Asked()) {
    InventoryEntry entry = GoodKey(GetParam());
    entry.values ^= Bit(kAttributes.at(name));
    const PolicyReport report = Judged(GetParam(), entry);
    EXPECT_THAT(report.wrap_problem, HasSubstr(name + " is ")) << name;
    EXPECT_THAT(report.wrap_problem, HasSubstr("token hsm-a"));
    EXPECT_EQ(FindingsOf(report).at(name), Finding::kFail) << name;
  }
}

TEST_P(KeyPolicyTest, LetsNoKeyWrapOfWhichTheTokenDoesNotSayEverything) {
  for (const std::string& name : Asked()) {
    InventoryEntry entry = GoodKey(GetParam());
    entry.reported &= ~Bit(kAttributes.at(name));
    const PolicyReport report = Judged(GetParam(), entry);
    EXPECT_THAT(report.wrap_problem, HasSubstr(name + " is not reported"));
    EXPECT_EQ(FindingsOf(report).at(name), Finding::kNotReported) << name;
  }
}

TEST_P(KeyPolicyTest, AsksOfAPrivateKeyNothingThatOnlyPublicKeysHave) {
  for (const std::string& name : GetParam().not_asked) {
    InventoryEntry silent = GoodKey(GetParam()), odd = silent;
    silent.reported &= ~Bit(kAttributes.at(name));
    odd.values |= Bit(kAttributes.at(name));
    EXPECT_THAT(Judged(GetParam(), silent).wrap_problem, IsEmpty()) << name;
    EXPECT_THAT(Judged(GetParam(), odd).wrap_problem, IsEmpty()) << name;
  }
}

TEST_P(KeyPolicyTest, LetsNoObjectOfAnotherKindPlayTheRole) {
  for (const ObjectKind kind : {ObjectKind::kAes, ObjectKind::kMacSecret, ObjectKind::kRsaPrivate,
                                ObjectKind::kEcPrivate}) {
    InventoryEntry entry = GoodKey(GetParam());
    entry.kind = kind;
    const bool is_right = kind == GetParam().kind;
    EXPECT_EQ(Judged(GetParam(), entry).wrap_problem.empty(), is_right);
  }
}

TEST_P(KeyPolicyTest, WaivesAnAttributeForTheTokenThatIsNamedAndNoOther) {
  InventoryEntry entry = GoodKey(GetParam());
  entry.values |= Bit(KeyAttribute::kModifiable);
  const config::Keyring keyring = With({.waive = {{"hsm-a", {"CKA_MODIFIABLE"}}}});
  const PolicyReport waived = Judged(GetParam(), entry, keyring);
  EXPECT_THAT(waived.wrap_problem, IsEmpty());
  EXPECT_EQ(FindingsOf(waived).at("CKA_MODIFIABLE"), Finding::kWaived);
  EXPECT_THAT(JudgeKey(entry, GetParam().role, GetParam().scheme, "hsm-b", keyring).wrap_problem,
              HasSubstr("CKA_MODIFIABLE"));
}

TEST_P(KeyPolicyTest, WaivesOneAttributeAndKeepsToTheOthers) {
  InventoryEntry entry = GoodKey(GetParam());
  entry.values |= Bits({KeyAttribute::kModifiable, KeyAttribute::kDerive});
  const std::string problem =
      Judged(GetParam(), entry, With({.waive = {{"hsm-a", {"CKA_MODIFIABLE"}}}})).wrap_problem;
  EXPECT_THAT(problem, HasSubstr("CKA_DERIVE is true"));
  EXPECT_THAT(problem, Not(HasSubstr("CKA_MODIFIABLE")));
}

TEST_P(KeyPolicyTest, NeverWaivesThatAKeyFoundByItsLabelWasNeverExtractable) {
  const config::Keyring keyring = With({.waive = {{"hsm-a", {"CKA_NEVER_EXTRACTABLE"}}}});
  InventoryEntry extracted = GoodKey(GetParam()), silent = extracted;
  extracted.values &= ~Bit(KeyAttribute::kNeverExtractable);
  silent.reported &= ~Bit(KeyAttribute::kNeverExtractable);
  for (const InventoryEntry& entry : {extracted, silent}) {
    const PolicyReport report = Judged(GetParam(), entry, keyring);
    EXPECT_FALSE(report.is_never_extractable);
    EXPECT_THAT(report.wrap_problem, HasSubstr("CKA_NEVER_EXTRACTABLE cannot be waived"));
  }
}

TEST_P(KeyPolicyTest, WaivesForAListedKeyThatItWasNeverExtractableAndStillSaysSo) {
  InventoryEntry entry = GoodKey(GetParam());
  entry.values &= ~Bit(KeyAttribute::kNeverExtractable);
  const auto listed = [](config::KeyPolicy policy) {
    return With(std::move(policy), config::Discovery::kFile);
  };
  EXPECT_THAT(Judged(GetParam(), entry, listed({})).wrap_problem,
              HasSubstr("CKA_NEVER_EXTRACTABLE is false"));
  const PolicyReport waived =
      Judged(GetParam(), entry, listed({.waive = {{"hsm-a", {"CKA_NEVER_EXTRACTABLE"}}}}));
  EXPECT_THAT(waived.wrap_problem, IsEmpty());
  EXPECT_FALSE(waived.is_never_extractable);
  EXPECT_EQ(FindingsOf(waived).at("CKA_NEVER_EXTRACTABLE"), Finding::kWaived);
}

TEST_P(KeyPolicyTest, BelievesNoValueThatIsNotReported) {
  InventoryEntry entry;
  entry.values = ~0u;
  EXPECT_FALSE(Judged(GetParam(), entry).is_never_extractable);
}

INSTANTIATE_TEST_SUITE_P(Roles, KeyPolicyTest, testing::Values(kAesWrap, kRsaWrap, kMac, kSigner),
                         [](const auto& info) { return info.param.name; });

std::string ProblemOfSize(const Part& part, std::uint32_t bits) {
  InventoryEntry entry = GoodKey(part);
  entry.bits = bits;
  return Judged(part, entry).wrap_problem;
}

TEST(KeySizeTest, WantsAes256WhereTheTokenTellsTheLength) {
  EXPECT_THAT(ProblemOfSize(kAesWrap, 128), HasSubstr("128 bits, not 256"));
  EXPECT_THAT(ProblemOfSize(kAesWrap, 0), IsEmpty());
}

TEST(KeySizeTest, WantsAnRsaModulusOf3072BitsOrMore) {
  EXPECT_THAT(ProblemOfSize(kRsaWrap, 2048), HasSubstr("2048 bits, less than 3072"));
  EXPECT_THAT(ProblemOfSize(kRsaWrap, 4096), IsEmpty());
  EXPECT_THAT(ProblemOfSize(kRsaWrap, 0), HasSubstr("does not report the modulus"));
}

TEST(KeySizeTest, WantsAMacKeyOf256BitsOrMore) {
  EXPECT_THAT(ProblemOfSize(kMac, 160), HasSubstr("160 bits, less than 256"));
  EXPECT_THAT(ProblemOfSize(kMac, 512), IsEmpty());
  EXPECT_THAT(ProblemOfSize(kMac, 0), IsEmpty());
}

TEST(KeySizeTest, WantsASignerOnP256OrEd25519) {
  EXPECT_THAT(ProblemOfSize(kSigner, 384), HasSubstr("neither of P-256 nor of Ed25519"));
  EXPECT_THAT(ProblemOfSize(kSigner, 255), IsEmpty());
}

TEST(KeySizeTest, IsNotSaidToBeWaivable) {
  EXPECT_THAT(ProblemOfSize(kRsaWrap, 2048), Not(HasSubstr("waive")));
}

TEST(FipsPolicyTest, TakesNoSchemeThatEncryptsOutsideTheToken) {
  const config::Keyring fips = With({.mode = config::PolicyMode::kFips, .waive = {}});
  EXPECT_THAT(Judged(kRsaWrap, GoodKey(kRsaWrap), fips).wrap_problem,
              HasSubstr("rsa-oaep-hmac encrypts outside the token"));
  EXPECT_THAT(Judged(kAesWrap, GoodKey(kAesWrap), fips).wrap_problem, IsEmpty());
  EXPECT_THAT(Judged(kMac, GoodKey(kMac), fips).wrap_problem, IsEmpty());
}

TEST(FindingTest, IsNamedAsTheCommandsPrintIt) {
  EXPECT_EQ(Name(Finding::kPass), "pass");
  EXPECT_EQ(Name(Finding::kFail), "fail");
  EXPECT_EQ(Name(Finding::kNotReported), "not_reported");
  EXPECT_EQ(Name(Finding::kWaived), "waived");
}

}  // namespace
}  // namespace mortise::hsm
