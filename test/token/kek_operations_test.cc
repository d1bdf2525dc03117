// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/kek_operations.h"

#include "test/token/scheme_fixture.h"

namespace mortise::hsm {
namespace {

using test::ThrowsError;

// One AES and one MAC key, which serve as KEKs of several schemes.
class KekOperationsTest : public test::SchemeTest {
 protected:
  void OpenWithKeys(std::string_view roles) {
    Open(roles);
    keys_.wrap = std::make_shared<HeldKey>();
    keys_.wrap->handle = GenerateThrowAwayAesKey(*anchor_);
    keys_.authenticator = std::make_shared<HeldKey>();
    keys_.authenticator->handle = GenerateThrowAwayMacKey(*anchor_);
  }
  static KekView Of(SchemeId scheme) {
    KekView kek{.keyring = "prod", .context = "cluster-a", .key_id = "prod.1.0123456789abcdef"};
    kek.scheme = scheme;
    return kek;
  }
  std::string WrapAs(SchemeId scheme) {
    return operations_.WrapAndProve(*anchor_, keys_, Of(scheme), Purpose::kSeed, seed_);
  }
  std::string UnwrapAs(SchemeId scheme, const std::string& envelope,
                       Purpose purpose = Purpose::kSeed) {
    const Session session = anchor_->Another();
    return ToHex(operations_.Unwrap(session, keys_, Of(scheme), purpose, AsBytes(envelope)).view());
  }

  HeldKek keys_;
  KekOperations operations_{config::IvMode::kAuto};
};

TEST_F(KekOperationsTest, RefusesAnEnvelopeOfAnotherSchemeWithoutAskingTheToken) {
  OpenWithKeys("kwp");
  using enum SchemeId;
  for (const SchemeId wrapped : {kAesGcm, kAesKwp, kAesCbcHmac}) {
    const std::string envelope = WrapAs(wrapped);
    EXPECT_EQ(UnwrapAs(wrapped, envelope), ToHex(seed_));
    for (const SchemeId labelled : {kAesGcm, kAesKwp, kAesCbcHmac}) {
      if (labelled == wrapped) continue;
      const std::uint64_t before = token_.faults().Calls("C_DecryptInit");
      EXPECT_THAT([&] { UnwrapAs(labelled, envelope); },
                  ThrowsError(Reason::kCiphertextRefused, "ciphertext refused"));
      EXPECT_EQ(token_.faults().Calls("C_DecryptInit"), before);
    }
  }
}

TEST_F(KekOperationsTest, OpensBothEnvelopesOfAesGcmUnderOneLabel) {
  OpenWithKeys("prepended");
  const std::string envelope = WrapAs(SchemeId::kAesGcm);
  EXPECT_EQ(Envelope::Parse(AsBytes(envelope)).scheme, SchemeId::kAesGcmPrepended);
  EXPECT_EQ(UnwrapAs(SchemeId::kAesGcm, envelope), ToHex(seed_));
}

TEST_F(KekOperationsTest, OpensNoCanaryAndNoSelfTestAsASeed) {
  OpenWithKeys("kwp");
  for (const SchemeId scheme : {SchemeId::kAesKwp, SchemeId::kAesCbcHmac}) {
    for (const Purpose purpose : {Purpose::kCanary, Purpose::kSelfTest}) {
      const std::string envelope = operations_.Wrap(*anchor_, keys_, Of(scheme), purpose, seed_);
      EXPECT_EQ(UnwrapAs(scheme, envelope, purpose), ToHex(seed_));
      EXPECT_THAT([&] { UnwrapAs(scheme, envelope); }, ThrowsError(Reason::kCiphertextRefused));
    }
  }
}

TEST_F(KekOperationsTest, RefusesEveryTruncatedEnvelope) {
  OpenWithKeys("kwp");
  for (const SchemeId scheme : {SchemeId::kAesKwp, SchemeId::kAesCbcHmac}) {
    const std::string envelope = WrapAs(scheme);
    for (std::size_t size = 0; size < envelope.size(); ++size) {
      EXPECT_THAT([&] { UnwrapAs(scheme, envelope.substr(0, size)); },
                  ThrowsError(Reason::kCiphertextRefused));
    }
  }
}

TEST_F(KekOperationsTest, SaysWhatIsMissingOfAPair) {
  OpenWithKeys("");
  keys_.authenticator = nullptr;
  EXPECT_THAT([&] { WrapAs(SchemeId::kAesCbcHmac); },
              ThrowsError(Reason::kKeyMissing, "MAC or signer"));
  keys_.authenticator = std::make_shared<HeldKey>();
  keys_.authenticator->handle = GenerateThrowAwayMacKey(*anchor_);
  EXPECT_THAT([&] { WrapAs(SchemeId::kRsaOaepHmac); },
              ThrowsError(Reason::kKeyMissing, "public half"));
}

TEST_F(KekOperationsTest, ProvesEachSchemeByItsSelfTest) {
  OpenWithKeys("kwp");
  SessionKeeper keeper(anchor_->Another());
  for (const SchemeId scheme : {SchemeId::kAesGcm, SchemeId::kAesKwp, SchemeId::kAesCbcHmac}) {
    EXPECT_NO_THROW(operations_.SelfTest(keeper, keys_, Of(scheme)));
  }
  token_.faults().Play("constant-signature");
  EXPECT_THAT([&] { operations_.SelfTest(keeper, keys_, Of(SchemeId::kAesCbcHmac)); },
              ThrowsError(Reason::kProofFailed, "IV"));
}

}  // namespace
}  // namespace mortise::hsm
