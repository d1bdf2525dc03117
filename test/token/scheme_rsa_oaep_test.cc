// SPDX-License-Identifier: Apache-2.0
#include "hsm/scheme/rsa_oaep.h"

#include "hsm/cryptoki/key_generation.h"
#include "hsm/scheme/authenticator.h"
#include "hsm/scheme/payload.h"
#include "hsm/scheme/public_half.h"
#include "test/token/scheme_fixture.h"

namespace mortise::hsm {
namespace {

// SoftHSM2 knows OAEP with SHA-1 only; NSS tests the others.
class RsaOaepTest : public test::SchemeTest {
 protected:
  RsaOaepTest() {
    Open();
    const KeyPair pair = GenerateThrowAwayRsaKey(*anchor_, 3072);
    kek_.wrap = pair.private_key;
    wrap_public_ = ReadPublicHalf(*anchor_, pair.private_key);
    kek_.wrap_public = &wrap_public_.value();
  }

  RsaOaep& WithMac() {
    kek_.authenticator = GenerateThrowAwayMacKey(*anchor_);
    return hmac_;
  }
  RsaOaep& WithSigner(SignerKind kind) {
    const KeyPair pair = GenerateThrowAwaySigner(*anchor_, kind);
    kek_.authenticator = pair.private_key;
    signer_public_ = ReadPublicHalf(*anchor_, pair.public_key);
    kek_.signer_public = &signer_public_.value();
    return sign_;
  }

  // What anyone can make who knows all but the token: the payload is right, the tag a guess.
  std::string Forged(SchemeId scheme, ByteView tag) {
    const Digest binding = BindingFor(identity_, EnvelopeHeader(scheme, 0, tag.size()));
    const std::string body =
        wrap_public_->OaepEncrypt(OaepHash::kSha1, BoundPayload(binding, seed_).view());
    return Serialize(scheme, {}, AsBytes(body), tag);
  }
  // With a right tag over a body of the test's choice.
  std::string Authenticated(ByteView body) {
    const Digest binding =
        BindingFor(identity_, EnvelopeHeader(SchemeId::kRsaOaepHmacSha1, 0, sizeof(Digest)));
    std::string message("mortise.rsa-oaep.v1\0", 20);
    message.append(AsText(binding)).append(AsText(body));
    return Serialize(SchemeId::kRsaOaepHmacSha1, {}, body,
                     MacInToken(*anchor_, kek_.authenticator, AsBytes(message)));
  }
  std::string Authenticated(const Bytes& payload, OaepHash hash) {
    return Authenticated(AsBytes(wrap_public_->OaepEncrypt(hash, payload)));
  }

  // Some of the bytes only: each one costs an RSA operation, if it fails.
  void ExpectFlipsRefused(Scheme& scheme) {
    const std::string envelope = Wrap(scheme);
    for (std::size_t i = kEnvelopeHeaderSize; i < envelope.size(); i += 13) {
      EXPECT_TRUE(IsRefused(scheme, Flipped(envelope, i))) << "byte " << i;
    }
    WrapIdentity other = identity_;
    other.context = "cluster-b";
    EXPECT_TRUE(IsRefused(scheme, envelope, other));
  }

  RsaOaep hmac_{SchemeId::kRsaOaepHmacSha1};
  RsaOaep sign_{SchemeId::kRsaOaepSignSha1};
  std::optional<PublicKey> wrap_public_, signer_public_;
};

TEST_F(RsaOaepTest, OpensWhatItWrappedWithAMac) {
  RsaOaep& scheme = WithMac();
  for (const std::size_t n : {1, 32, 128}) {
    seed_ = RandomBytes(n);
    EXPECT_EQ(Unwrap(scheme, Wrap(scheme)), ToHex(seed_));
  }
  ExpectFlipsRefused(scheme);
}

TEST_F(RsaOaepTest, OpensWhatItWrappedWithAnEd25519Signature) {
  RsaOaep& scheme = WithSigner(SignerKind::kEd25519);
  EXPECT_EQ(Unwrap(scheme, Wrap(scheme)), ToHex(seed_));
  ExpectFlipsRefused(scheme);
}

TEST_F(RsaOaepTest, OpensWhatItWrappedWithAP256Signature) {
  RsaOaep& scheme = WithSigner(SignerKind::kP256);
  EXPECT_EQ(Unwrap(scheme, Wrap(scheme)), ToHex(seed_));
  ExpectFlipsRefused(scheme);
}

TEST_F(RsaOaepTest, TakesTwoCallsToWrapAndFourOrTwoToUnwrap) {
  RsaOaep& hmac = WithMac();
  EXPECT_EQ(CallsOfWrap(hmac), 2U);
  EXPECT_EQ(CallsOfUnwrap(hmac), 4U);
  RsaOaep& sign = WithSigner(SignerKind::kP256);
  EXPECT_EQ(CallsOfWrap(sign), 2U);
  EXPECT_EQ(CallsOfUnwrap(sign), 2U);
}

TEST_F(RsaOaepTest, RefusesEveryBlobOfWhoHasThePublicKeyAlone) {
  WithMac();
  const std::uint64_t before = token_.faults().Calls("C_DecryptInit");
  const Bytes own_key = RandomBytes(32);
  for (const Bytes& tag : {Bytes(32), RandomBytes(32), Bytes(32, 0xff)}) {
    EXPECT_TRUE(IsRefused(hmac_, Forged(SchemeId::kRsaOaepHmacSha1, tag)));
  }
  // A tag by a key of his own, and that of another blob.
  const std::string unsigned_blob = Forged(SchemeId::kRsaOaepHmacSha1, Bytes(32));
  const Digest own = HmacSha256(own_key, AsBytes(unsigned_blob));
  EXPECT_TRUE(IsRefused(hmac_, Forged(SchemeId::kRsaOaepHmacSha1, own)));
  const std::string good = Wrap(hmac_);
  EXPECT_TRUE(
      IsRefused(hmac_, Forged(SchemeId::kRsaOaepHmacSha1, Envelope::Parse(AsBytes(good)).tag)));
  EXPECT_EQ(token_.faults().Calls("C_DecryptInit"), before);  // no oracle either

  WithSigner(SignerKind::kEd25519);
  for (const Bytes& tag : {Bytes(64), RandomBytes(64), Bytes(64, 0xff)}) {
    EXPECT_TRUE(IsRefused(sign_, Forged(SchemeId::kRsaOaepSignSha1, tag)));
  }
}

TEST_F(RsaOaepTest, RefusesASignatureByAStranger) {
  RsaOaep& scheme = WithSigner(SignerKind::kP256);
  const KekObjects right = kek_;
  const PublicKey right_public = *signer_public_;
  WithSigner(SignerKind::kP256);
  const std::string strangers = Wrap(scheme);
  EXPECT_EQ(Unwrap(scheme, strangers), ToHex(seed_));
  kek_ = right;
  kek_.signer_public = &right_public;
  EXPECT_TRUE(IsRefused(scheme, strangers));
}

TEST_F(RsaOaepTest, RefusesAnAuthenticBodyThatIsNoIntegerBelowTheModulus) {
  WithMac();
  const std::uint64_t before = token_.faults().Calls("C_DecryptInit");
  EXPECT_TRUE(IsRefused(hmac_, Authenticated(Bytes(384, 0xff))));
  EXPECT_TRUE(IsRefused(hmac_, Authenticated(Bytes(385, 0))));
  EXPECT_EQ(token_.faults().Calls("C_DecryptInit"), before);
}

TEST_F(RsaOaepTest, RefusesAnAuthenticPayloadOfAnotherForm) {
  WithMac();
  const Digest binding =
      BindingFor(identity_, EnvelopeHeader(SchemeId::kRsaOaepHmacSha1, 0, sizeof(Digest)));
  const SecretBytes payload = BoundPayload(binding, seed_);
  const Bytes good(payload.view().begin(), payload.view().end());
  EXPECT_EQ(Unwrap(hmac_, Authenticated(good, OaepHash::kSha1)), ToHex(seed_));
  Bytes wrong_n = good, wrong_d = good, longer = good;
  ++wrong_n[32];
  wrong_d[0] ^= 1;
  longer.push_back(0);
  const Bytes d_alone(good.begin(), good.begin() + 33);
  for (const Bytes& bad : {wrong_n, wrong_d, longer, d_alone, Bytes{}}) {
    EXPECT_TRUE(IsRefused(hmac_, Authenticated(bad, OaepHash::kSha1)));
  }
  EXPECT_TRUE(IsRefused(hmac_, Authenticated(good, OaepHash::kSha256)));
}

TEST_F(RsaOaepTest, DoesNotWrapInSoftwareInModeFips) {
  RsaOaep& scheme = WithMac();
  identity_.forbids_caller_iv = true;
  EXPECT_THAT([&] { Wrap(scheme); }, test::ThrowsError(Reason::kKeyRefused, "fips"));
}

TEST_F(RsaOaepTest, TakesAPublicObjectAtItsWordOnlyAfterASignature) {
  WithSigner(SignerKind::kEd25519);
  EXPECT_TRUE(SignsFor(*anchor_, kek_.authenticator, *signer_public_));
  const CK_OBJECT_HANDLE private_key = kek_.authenticator;
  WithSigner(SignerKind::kEd25519);
  EXPECT_FALSE(SignsFor(*anchor_, private_key, *signer_public_));
}

}  // namespace
}  // namespace mortise::hsm
