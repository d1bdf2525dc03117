// SPDX-License-Identifier: Apache-2.0
// What `mortise key attest`, `key inventory` and a ceremony give to an auditor.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/file.h"
#include "hsm/canary_store.h"
#include "hsm/scheme/public_key.h"
#include "test/token/configured_token.h"

namespace mortise::test {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int kUsage = 2;

class KeyAuditCommandTest : public ::testing::Test {
 protected:
  CommandResult Attest(std::vector<std::string> more = {"-o", "json"}) const {
    more.insert(more.begin(), {"key", "attest", "--keyring", "prod"});
    return setup_.Mortise(more);
  }
  CommandResult AttestSignedBy(const std::string& uri) const {
    return Attest({"-o", "json", "--admin-config", setup_.File("admin.yaml"), "--sign-with", uri});
  }
  static json TheObjectIn(const CommandResult& attested) {
    return json::parse(attested.out).at("tokens").at(0).at("keys").at(0).at("objects").at(0);
  }
  static json AttributeIn(const CommandResult& attested, const std::string& name) {
    const json attributes = TheObjectIn(attested).at("attributes");
    for (const json& attribute : attributes) {
      if (attribute.at("name") == name) return attribute;
    }
    return nullptr;
  }
  CommandResult Pkcs11Tool(std::vector<std::string> words) {
    words.insert(words.begin(), {"pkcs11-tool", "--module", SoftHsmToken::Module(), "--login",
                                 "--pin", "env:PIN", "--token-label", "test"});
    return RunCommand(words, {{"SOFTHSM2_CONF", setup_.token().conf_file()},
                              {"PIN", ReadFile(setup_.token().pin_file())}});
  }
  void MakeSigner(const std::string& label, const std::string& id) {
    const CommandResult made = Pkcs11Tool({"--keypairgen", "--key-type", "EC:prime256v1", "--label",
                                           label, "--id", id, "--usage-sign"});
    ASSERT_EQ(made.status, 0) << made.err;
  }

  ConfiguredToken setup_;
};

// The bytes behind base64url without padding.
std::string Decoded(std::string text) {
  std::ranges::replace(text, '-', '+');
  std::ranges::replace(text, '_', '/');
  text.append((4 - text.size() % 4) % 4, '=');
  return std::string(AsText(FromBase64(text).value()));
}

TEST_F(KeyAuditCommandTest, AttestsEachAttributeWithTheVerdictOnIt) {
  ASSERT_EQ(setup_.CreateKey().status, 0);
  const CommandResult attested = Attest();
  ASSERT_EQ(attested.status, 0) << attested.err;
  EXPECT_EQ(AttributeIn(attested, "CKA_LOCAL"),
            json({{"name", "CKA_LOCAL"}, {"value", "true"}, {"verdict", "pass"}}));
  EXPECT_EQ(AttributeIn(attested, "CKA_ALLOWED_MECHANISMS").at("value"), "CKM_AES_GCM");
  EXPECT_EQ(AttributeIn(attested, "CKA_UNIQUE_ID"),
            json({{"name", "CKA_UNIQUE_ID"}, {"value", nullptr}}));
}

TEST_F(KeyAuditCommandTest, AttestsWhichTokenAndLibraryItAsked) {
  setup_.CreateKey();
  const json part = json::parse(Attest().out).at("tokens").at(0);
  EXPECT_EQ(part.at("token").at("name"), "hsm");
  EXPECT_EQ(part.at("token").at("label"), "test");
  EXPECT_EQ(part.at("token").at("serial").get<std::string>().size(), 16U);
  const std::string module = ReadFile(SoftHsmToken::FaultModule(), 1 << 26);
  EXPECT_EQ(part.at("library").at("sha256"), ToHex(Sha256::Of(AsBytes(module))));
}

TEST_F(KeyAuditCommandTest, AttestsWithinAKeyWithoutApprovalWhyNot) {
  setup_.CreateKey();
  const json key = json::parse(Attest().out).at("tokens").at(0).at("keys").at(0);
  EXPECT_EQ(key.at("approved"), false);
  EXPECT_THAT(key.at("approval").get<std::string>(), HasSubstr("IG C.H"));
}

TEST_F(KeyAuditCommandTest, AttestsNoApprovalAndNoWrapsByAnIvModeThatTheTokenDoesNotHave) {
  ASSERT_EQ(setup_.CreateKey().status, 0);
  setup_.iv_mode = "appended";
  const json key = json::parse(Attest().out).at("tokens").at(0).at("keys").at(0);
  EXPECT_EQ(key.at("approved"), false);
  EXPECT_EQ(key.at("mayWrap"), false);
  EXPECT_THAT(key.at("problem").get<std::string>(), HasSubstr("tokens[].ivMode"));
}

TEST_F(KeyAuditCommandTest, AttestsNoWrapsByTheCallersIvInModeFips) {
  ASSERT_EQ(setup_.CreateKey().status, 0);
  setup_.policy = "{mode: fips}";
  const json key = json::parse(Attest().out).at("tokens").at(0).at("keys").at(0);
  EXPECT_EQ(key.at("mayWrap"), false);
  EXPECT_THAT(key.at("problem").get<std::string>(), HasSubstr("mode fips"));
}

TEST_F(KeyAuditCommandTest, SaysOfWhatATokenDoesNotReportThatItDoesNot) {
  ASSERT_EQ(setup_.CreateKey().status, 0);
  setup_.faults().Play("hide-attribute=0x163");
  const CommandResult attested = Attest();
  ASSERT_EQ(attested.status, 0) << attested.err;
  EXPECT_EQ(AttributeIn(attested, "CKA_LOCAL"),
            json({{"name", "CKA_LOCAL"}, {"value", nullptr}, {"verdict", "not_reported"}}));
  EXPECT_EQ(TheObjectIn(attested).at("mayWrap"), false);
}

TEST_F(KeyAuditCommandTest, SignsTheDocumentSoThatAChangedOneDoesNotVerify) {
  setup_.CreateKey();
  MakeSigner("audit-signer", "aa01");
  const CommandResult attested = AttestSignedBy("pkcs11:object=audit-signer");
  ASSERT_EQ(attested.status, 0) << attested.err;
  const json jws = json::parse(attested.out);
  ASSERT_EQ(Pkcs11Tool({"--read-object", "--type", "pubkey", "--label", "audit-signer", "-o",
                        setup_.File("signer.der")})
                .status,
            0);
  const hsm::PublicKey key = hsm::PublicKey::FromSpki(AsBytes(ReadFile(setup_.File("signer.der"))));
  const std::string signed_part =
      jws.at("protected").get<std::string>() + "." + jws.at("payload").get<std::string>();
  const std::string signature = Decoded(jws.at("signature"));
  EXPECT_TRUE(key.Verifies(AsBytes(signed_part), AsBytes(signature)));
  EXPECT_FALSE(key.Verifies(AsBytes(signed_part + "A"), AsBytes(signature)));
  EXPECT_EQ(json::parse(Decoded(jws.at("payload"))).at("kind"), "mortise.attestation");
  EXPECT_EQ(json::parse(Decoded(jws.at("protected"))).at("alg"), "ES256");
}

TEST_F(KeyAuditCommandTest, RefusesToSignWithNoKeyOrOneOfSeveral) {
  setup_.CreateKey();
  for (const char* uri : {"pkcs11:object=nobody", "pkcs11:token=test", "not a URI"}) {
    EXPECT_EQ(AttestSignedBy(uri).status, kUsage) << uri;
  }
  MakeSigner("twin", "aa01");
  MakeSigner("twin", "aa02");
  const CommandResult ambiguous = AttestSignedBy("pkcs11:object=twin");
  EXPECT_EQ(ambiguous.status, kUsage);
  EXPECT_THAT(ambiguous.err, HasSubstr("2 private keys"));
  EXPECT_EQ(AttestSignedBy("pkcs11:object=twin;id=%aa%02").status, 0);
}

TEST_F(KeyAuditCommandTest, SignsOnlyWithTheAdminFilesCredential) {
  const CommandResult refused = Attest({"--sign-with", "pkcs11:object=audit-signer"});
  EXPECT_EQ(refused.status, kUsage);
  EXPECT_THAT(refused.err, HasSubstr("--admin-config"));
}

TEST_F(KeyAuditCommandTest, ListsForAnInventoryWhatEachKeyIsForAndWhereItStands) {
  ASSERT_EQ(setup_.CreateKey().status, 0);
  const CommandResult listed = setup_.Mortise({"key", "inventory", "-o", "json"});
  ASSERT_EQ(listed.status, 0) << listed.err;
  const json key = json::parse(listed.out).at("keys").at(0);
  EXPECT_EQ(key.at("algorithm"), "AES");
  EXPECT_EQ(key.at("bits"), 256);
  EXPECT_EQ(key.at("token"), "hsm");
  EXPECT_EQ(key.at("location"), "DC1, \"cage\" 4");
  EXPECT_THAT(key.at("usage").get<std::string>(), HasSubstr("kube-apiserver"));
}

TEST_F(KeyAuditCommandTest, WritesTheInventoryAsCsvWithQuotedFields) {
  setup_.CreateKey();
  const std::string csv = setup_.Mortise({"key", "inventory", "-o", "csv"}).out;
  EXPECT_THAT(csv, AllOf(::testing::StartsWith("KEYRING,KEY ID,ROLE,"),
                         HasSubstr(",\"DC1, \"\"cage\"\" 4\"\r\n")));
}

TEST_F(KeyAuditCommandTest, KeepsATranscriptOfACeremony) {
  const std::string path = setup_.File("ceremony.txt");
  ASSERT_EQ(setup_.CreateKey({"--ceremony", path}).status, 0);
  const std::string transcript = ReadFile(path);
  EXPECT_THAT(transcript,
              AllOf(HasSubstr("operator "), HasSubstr("key create --admin-config"),
                    HasSubstr("the token generated the wrap key"), HasSubstr("self-test passed"),
                    HasSubstr("result        made prod.1."), HasSubstr("signature ____")));
  EXPECT_EQ(transcript.find(ReadFile(setup_.token().pin_file())), std::string::npos);
}

TEST_F(KeyAuditCommandTest, NeverOverwritesATranscript) {
  setup_.Write("ceremony.txt", "of another day");
  const CommandResult refused = setup_.CreateKey({"--ceremony", setup_.File("ceremony.txt")});
  EXPECT_EQ(refused.status, kUsage);
  EXPECT_EQ(ReadFile(setup_.File("ceremony.txt")), "of another day");
  EXPECT_TRUE(json::parse(setup_.ListKeys().out).at("keyrings").at(0).at("keys").empty());
}

TEST_F(KeyAuditCommandTest, RecordsAFailureInTheTranscript) {
  setup_.faults().Answer("C_GenerateKey", 0x31);
  const std::string path = setup_.File("ceremony.txt");
  EXPECT_NE(setup_.CreateKey({"--ceremony", path}).status, 0);
  EXPECT_THAT(ReadFile(path), HasSubstr("result        failed: "));
}

TEST_F(KeyAuditCommandTest, AppendsCanariesThatOtherNodesCanPin) {
  setup_.Write("canaries", "", 0644);
  const json key =
      json::parse(setup_.CreateKey({"-o", "json", "--canary-out", setup_.File("canaries")}).out);
  const std::vector<hsm::Canary> pinned = hsm::ReadPinnedCanaries(setup_.File("canaries"));
  ASSERT_EQ(pinned.size(), 1U);
  EXPECT_EQ(pinned[0].key_id, key.at("keyId"));
}

}  // namespace
}  // namespace mortise::test
