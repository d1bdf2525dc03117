// SPDX-License-Identifier: Apache-2.0
#include "hsm/scheme/public_key.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/random.h"
#include "test/support/matchers.h"

namespace mortise::hsm {
namespace {

using test::ThrowsError;
using Key = std::shared_ptr<EVP_PKEY>;

// The other half of each test: keys made by OpenSSL.
Key Rsa(int bits = 3072) {
  return {EVP_RSA_gen(static_cast<unsigned>(bits)), EVP_PKEY_free};
}
Key P256() {
  return {EVP_EC_gen("P-256"), EVP_PKEY_free};
}
Key Ed25519() {
  return {EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), EVP_PKEY_free};
}

Bytes Spki(const Key& key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key.get(), &der);
  Bytes bytes(der, der + size);
  OPENSSL_free(der);
  return bytes;
}

Bytes NumberOf(const Key& key, const char* name) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key.get(), name, &number);
  Bytes bytes(static_cast<std::size_t>(BN_num_bytes(number)));
  BN_bn2bin(number, bytes.data());
  BN_free(number);
  return bytes;
}
Bytes Modulus(const Key& key) {
  return NumberOf(key, OSSL_PKEY_PARAM_RSA_N);
}
Bytes Exponent(const Key& key) {
  return NumberOf(key, OSSL_PKEY_PARAM_RSA_E);
}

std::string OpenedByOpenSsl(const Key& key, const EVP_MD* method, std::string_view body) {
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(key.get(), nullptr);
  EVP_PKEY_decrypt_init(context);
  EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING);
  EVP_PKEY_CTX_set_rsa_oaep_md(context, method);
  EVP_PKEY_CTX_set_rsa_mgf1_md(context, method);
  Bytes plain(1024);
  std::size_t size = plain.size();
  const int done =
      EVP_PKEY_decrypt(context, plain.data(), &size, AsBytes(body).data(), body.size());
  EVP_PKEY_CTX_free(context);
  return done == 1 ? std::string(AsText(ByteView(plain).first(size))) : "";
}

Bytes SignedByOpenSsl(const Key& key, const EVP_MD* method, std::string_view message) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  Bytes signature(256);
  std::size_t size = signature.size();
  EVP_DigestSignInit(context, nullptr, method, nullptr, key.get());
  EVP_DigestSign(context, signature.data(), &size, AsBytes(message).data(), message.size());
  EVP_MD_CTX_free(context);
  signature.resize(size);
  return signature;
}

// OpenSSL's DER as r‖s.
Bytes RawEcdsa(const Bytes& der) {
  const unsigned char* at = der.data();
  ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
  Bytes raw(64);
  BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw.data(), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw.data() + 32, 32);
  ECDSA_SIG_free(pair);
  return raw;
}

Bytes After(const Bytes& bytes, std::size_t at) {
  return Bytes(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end());
}
Bytes Joined(Bytes head, const Bytes& tail) {
  head.insert(head.end(), tail.begin(), tail.end());
  return head;
}

const Bytes kP256Oid = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
const Bytes kEd25519Oid = {0x06, 0x03, 0x2b, 0x65, 0x70};

TEST(PublicKeyTest, EncryptsWhatOpenSslOpens) {
  const Key key = Rsa();
  const PublicKey half = PublicKey::FromRsa(Modulus(key), Exponent(key));
  const std::string payload(161, 'x');
  EXPECT_EQ(
      OpenedByOpenSsl(key, EVP_sha256(), half.OaepEncrypt(OaepHash::kSha256, AsBytes(payload))),
      payload);
  EXPECT_EQ(OpenedByOpenSsl(key, EVP_sha1(), half.OaepEncrypt(OaepHash::kSha1, AsBytes(payload))),
            payload);
  EXPECT_EQ(half.bits(), 3072);
  EXPECT_EQ(half.modulus_size(), 384U);
}

TEST(PublicKeyTest, HasOneDigestHoweverTheTokenTellsIt) {
  const Key rsa = Rsa();
  EXPECT_EQ(PublicKey::FromRsa(Modulus(rsa), Exponent(rsa)).spki_digest(), Sha256::Of(Spki(rsa)));
  EXPECT_EQ(PublicKey::FromRsa(Joined({0}, Modulus(rsa)), Exponent(rsa)).spki_digest(),
            Sha256::Of(Spki(rsa)));
  EXPECT_EQ(PublicKey::FromSpki(Spki(rsa)).spki_digest(), Sha256::Of(Spki(rsa)));

  const Bytes p256 = Spki(P256());
  const Bytes point = After(p256, p256.size() - 65);
  const Digest p256_digest = Sha256::Of(p256);
  EXPECT_EQ(PublicKey::FromSpki(p256).spki_digest(), p256_digest);
  EXPECT_EQ(PublicKey::FromEcPoint(kP256Oid, point).spki_digest(), p256_digest);
  EXPECT_EQ(PublicKey::FromEcPoint(kP256Oid, Joined({4, 65}, point)).spki_digest(), p256_digest);

  const Bytes ed25519 = Spki(Ed25519());
  const Bytes key = After(ed25519, ed25519.size() - 32);
  const Bytes name =
      Joined({0x13, 12}, Bytes{'e', 'd', 'w', 'a', 'r', 'd', 's', '2', '5', '5', '1', '9'});
  for (const Bytes& params : {kEd25519Oid, name}) {
    EXPECT_EQ(PublicKey::FromEcPoint(params, key).spki_digest(), Sha256::Of(ed25519));
    EXPECT_EQ(PublicKey::FromEcPoint(params, Joined({4, 32}, key)).spki_digest(),
              Sha256::Of(ed25519));
  }
}

TEST(PublicKeyTest, TellsGoodSignaturesFromBadOnes) {
  for (const Key& key : {P256(), Ed25519()}) {
    const bool is_p256 = EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_EC;
    const PublicKey half = PublicKey::FromSpki(Spki(key));
    Bytes signature = SignedByOpenSsl(key, is_p256 ? EVP_sha256() : nullptr, "message");
    if (is_p256) signature = RawEcdsa(signature);
    EXPECT_TRUE(half.Verifies(AsBytes("message"), signature));
    EXPECT_FALSE(half.Verifies(AsBytes("massage"), signature));
    for (const std::size_t at : {0, 31, 32, 63}) {
      Bytes flipped = signature;
      flipped[at] ^= 1;
      EXPECT_FALSE(half.Verifies(AsBytes("message"), flipped)) << "byte " << at;
    }
    EXPECT_FALSE(half.Verifies(AsBytes("message"), Bytes(64)));
    EXPECT_FALSE(half.Verifies(AsBytes("message"), Joined(signature, {0})));
    EXPECT_FALSE(half.Verifies(AsBytes("message"), {}));
  }
}

TEST(PublicKeyTest, KnowsWhichIntegersAreBelowItsModulus) {
  const Key key = Rsa();
  const PublicKey half = PublicKey::FromRsa(Modulus(key), Exponent(key));
  const Bytes modulus = Modulus(key);
  EXPECT_FALSE(half.IsBelowModulus(modulus));
  EXPECT_FALSE(half.IsBelowModulus(Bytes(modulus.size(), 0xff)));
  EXPECT_FALSE(half.IsBelowModulus(Joined(modulus, {0})));
  Bytes below = modulus;
  --below.back();  // a modulus is odd
  EXPECT_TRUE(half.IsBelowModulus(below));
  EXPECT_TRUE(half.IsBelowModulus(Joined({0}, below)));
  EXPECT_TRUE(half.IsBelowModulus(Bytes(modulus.size())));
}

TEST(PublicKeyTest, RefusesWhatIsNoSuchKey) {
  const auto refuses = [](auto make) { EXPECT_THAT(make, ThrowsError(Reason::kKeyRefused)); };
  const Key rsa = Rsa();
  const Bytes modulus = Modulus(rsa), exponent = Exponent(rsa);
  Bytes even = modulus;
  --even.back();
  refuses([&] { PublicKey::FromRsa({}, exponent); });
  refuses([&] { PublicKey::FromRsa(modulus, {}); });
  refuses([&] { PublicKey::FromRsa(modulus, Bytes{1}); });
  refuses([&] { PublicKey::FromRsa(modulus, Bytes{2}); });
  refuses([&] { PublicKey::FromRsa(even, exponent); });
  refuses([&] { PublicKey::FromRsa(Bytes(128, 0xff), exponent); });
  refuses([&] { PublicKey::FromRsa(Bytes(4096, 0xff), exponent); });

  const Bytes spki = Spki(P256());
  Bytes off_curve = spki;
  off_curve.back() ^= 1;
  refuses([&] { PublicKey::FromSpki(off_curve); });
  refuses([&] { PublicKey::FromSpki({}); });
  refuses([&] { PublicKey::FromSpki(Joined(spki, {0})); });
  refuses([&] { PublicKey::FromSpki(Joined(Spki(rsa), {0})); });
  const Key p384{EVP_EC_gen("P-384"), EVP_PKEY_free};
  refuses([&] { PublicKey::FromSpki(Spki(p384)); });
  refuses([&] { PublicKey::FromEcPoint(kP256Oid, Bytes(64, 1)); });
  refuses([&] { PublicKey::FromEcPoint(kP256Oid, Bytes(65)); });
  refuses([&] { PublicKey::FromEcPoint(kEd25519Oid, Bytes(33, 4)); });
  refuses([&] { PublicKey::FromEcPoint(Bytes{0x06, 1, 0}, Bytes(65, 4)); });
}

TEST(PublicKeyTest, SaysThatAPayloadIsTooLong) {
  const Key key = Rsa(2048);
  const PublicKey half = PublicKey::FromRsa(Modulus(key), Exponent(key));
  EXPECT_THAT([&] { half.OaepEncrypt(OaepHash::kSha256, Bytes(191)); },
              ThrowsError(Reason::kInternal));
}

}  // namespace
}  // namespace mortise::hsm
