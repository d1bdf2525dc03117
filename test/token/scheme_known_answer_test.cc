// SPDX-License-Identifier: Apache-2.0
// What a token wrapped opens in OpenSSL, and the reverse, with keys that both know.
#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/random.h"
#include "hsm/cryptoki/slot.h"
#include "hsm/scheme/aes_cbc_hmac.h"
#include "hsm/scheme/aes_gcm.h"
#include "hsm/scheme/aes_kwp.h"
#include "hsm/scheme/payload.h"
#include "hsm/scheme/rsa_oaep.h"
#include "test/support/nss_token.h"
#include "test/support/softhsm_token.h"

namespace mortise::hsm {
namespace {

using config::IvMode;

// --- OpenSSL's side -------------------------------------------------------------------------

struct Cipher {
  const EVP_CIPHER* method;
  ByteView key, iv, aad;
  bool encrypts;
};

// With `tag`, an authenticated one: read when it decrypts, written when it encrypts.
std::optional<Bytes> ByOpenSsl(const Cipher& cipher, ByteView in, Bytes* tag = nullptr) {
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
  const int direction = cipher.encrypts ? 1 : 0;
  int done = EVP_CipherInit_ex(context, cipher.method, nullptr, nullptr, nullptr, direction);
  if (tag != nullptr) {
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, static_cast<int>(cipher.iv.size()),
                        nullptr);
  }
  done &= EVP_CipherInit_ex(context, nullptr, nullptr, cipher.key.data(),
                            cipher.iv.empty() ? nullptr : cipher.iv.data(), direction);
  EVP_CIPHER_CTX_set_padding(context, 0);
  if (tag != nullptr && !cipher.encrypts) {
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag->size()), tag->data());
  }
  int size = 0, more = 0;
  if (!cipher.aad.empty()) {
    EVP_CipherUpdate(context, nullptr, &size, cipher.aad.data(),
                     static_cast<int>(cipher.aad.size()));
  }
  Bytes out(512);
  done &= EVP_CipherUpdate(context, out.data(), &size, in.data(), static_cast<int>(in.size()));
  done &= EVP_CipherFinal_ex(context, out.data() + size, &more);
  if (tag != nullptr && cipher.encrypts) {
    tag->resize(16);
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, tag->data());
  }
  EVP_CIPHER_CTX_free(context);
  if (done != 1) return std::nullopt;
  out.resize(static_cast<std::size_t>(size + more));
  return out;
}

Bytes Joined(std::initializer_list<ByteView> parts) {
  Bytes all;
  for (const ByteView part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}
Bytes Copy(ByteView bytes) {
  return Bytes(bytes.begin(), bytes.end());
}

std::optional<Bytes> OpenOaep(EVP_PKEY* key, const EVP_MD* method, ByteView body) {
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(key, nullptr);
  EVP_PKEY_decrypt_init(context);
  EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING);
  EVP_PKEY_CTX_set_rsa_oaep_md(context, method);
  EVP_PKEY_CTX_set_rsa_mgf1_md(context, method);
  Bytes plain(1024);
  std::size_t size = plain.size();
  const int done = EVP_PKEY_decrypt(context, plain.data(), &size, body.data(), body.size());
  EVP_PKEY_CTX_free(context);
  if (done != 1) return std::nullopt;
  plain.resize(size);
  return plain;
}

Bytes NumberOf(const EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, name, &number);
  Bytes bytes(static_cast<std::size_t>(BN_num_bytes(number)));
  BN_bn2bin(number, bytes.data());
  BN_clear_free(number);
  return bytes;
}

// --- the token's side -----------------------------------------------------------------------

class KnownAnswerTest : public ::testing::Test {
 protected:
  template <typename Token>
  void Open() {
    auto token = std::make_unique<Token>();
    token->Export();
    const config::Token config = token->ToConfig();
    module_.emplace(config.module, config.init_args);
    session_.emplace(*module_, FindToken(*module_, config.uri), true);
    session_->Login(CKU_USER, token->Pin().view());
    token_ = std::move(token);
  }
  // False: skipped, with the reason.
  bool OpenNss() {
    if (test::NssToken::WhyNot()) return false;
    Open<test::NssToken>();
    return true;
  }

  using Attributes = std::vector<std::pair<CK_ATTRIBUTE_TYPE, Bytes>>;
  static Bytes Ulong(CK_ULONG value) {
    return Copy({reinterpret_cast<const std::uint8_t*>(&value), sizeof(value)});
  }
  static Bytes Yes() { return {CK_TRUE}; }

  CK_OBJECT_HANDLE Create(Attributes attributes) {
    std::vector<CK_ATTRIBUTE> wanted;
    for (auto& [type, value] : attributes) wanted.push_back({type, value.data(), value.size()});
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    EXPECT_EQ(
        session_->p11().C_CreateObject(session_->handle(), wanted.data(), wanted.size(), &object),
        CKR_OK);
    return object;
  }
  CK_OBJECT_HANDLE CreateSecret(CK_KEY_TYPE type, const Bytes& value) {
    const bool is_aes = type == CKK_AES;
    return Create({{CKA_CLASS, Ulong(CKO_SECRET_KEY)},
                   {CKA_KEY_TYPE, Ulong(type)},
                   {CKA_VALUE, value},
                   {is_aes ? CKA_ENCRYPT : CKA_SIGN, Yes()},
                   {is_aes ? CKA_DECRYPT : CKA_VERIFY, Yes()}});
  }
  CK_OBJECT_HANDLE CreateRsa(const EVP_PKEY* key) {
    const auto number = [&](const char* name) { return NumberOf(key, name); };
    return Create({{CKA_CLASS, Ulong(CKO_PRIVATE_KEY)},
                   {CKA_KEY_TYPE, Ulong(CKK_RSA)},
                   {CKA_ID, Bytes(16, 1)},
                   {CKA_DECRYPT, Yes()},
                   {CKA_MODULUS, number(OSSL_PKEY_PARAM_RSA_N)},
                   {CKA_PUBLIC_EXPONENT, number(OSSL_PKEY_PARAM_RSA_E)},
                   {CKA_PRIVATE_EXPONENT, number(OSSL_PKEY_PARAM_RSA_D)},
                   {CKA_PRIME_1, number(OSSL_PKEY_PARAM_RSA_FACTOR1)},
                   {CKA_PRIME_2, number(OSSL_PKEY_PARAM_RSA_FACTOR2)},
                   {CKA_EXPONENT_1, number(OSSL_PKEY_PARAM_RSA_EXPONENT1)},
                   {CKA_EXPONENT_2, number(OSSL_PKEY_PARAM_RSA_EXPONENT2)},
                   {CKA_COEFFICIENT, number(OSSL_PKEY_PARAM_RSA_COEFFICIENT1)}});
  }

  Digest BindingOf(ByteView envelope) {
    std::array<std::uint8_t, 4> header;
    std::copy_n(envelope.begin(), header.size(), header.begin());
    return BindingFor(identity_, header);
  }
  std::string OpenedByToken(Scheme& scheme, const std::string& envelope) {
    return ToHex(
        scheme.Unwrap(*session_, kek_, identity_, Envelope::Parse(AsBytes(envelope))).view());
  }

  void ExpectGcmAgrees(IvMode mode);
  void ExpectOaepAgrees(SchemeId scheme, const EVP_MD* method);

  const WrapIdentity identity_{Purpose::kSeed, "prod", "cluster-a", "prod.3.d8bbac413711cbb9"};
  const Bytes key_ = RandomBytes(32), mac_key_ = RandomBytes(32), seed_ = RandomBytes(32);
  std::unique_ptr<test::TestToken> token_;
  std::optional<Module> module_;
  std::optional<Session> session_;
  KekObjects kek_;
};

void KnownAnswerTest::ExpectGcmAgrees(IvMode mode) {
  kek_.wrap = CreateSecret(CKK_AES, key_);
  AesGcm gcm(mode);
  const std::string wrapped = gcm.Wrap(*session_, kek_, identity_, seed_);
  const Envelope parsed = Envelope::Parse(AsBytes(wrapped));
  const Digest aad = BindingOf(AsBytes(wrapped));
  Bytes tag = Copy(parsed.tag);
  EXPECT_EQ(ByOpenSsl({EVP_aes_256_gcm(), key_, parsed.iv, aad, false}, parsed.body, &tag), seed_);
  for (const std::size_t iv_size : {12, 16}) {
    const Bytes iv = RandomBytes(iv_size);
    const Digest binding = BindingFor(identity_, EnvelopeHeader(SchemeId::kAesGcm, iv_size, 16));
    const std::optional<Bytes> body =
        ByOpenSsl({EVP_aes_256_gcm(), key_, iv, binding, true}, seed_, &tag);
    EXPECT_EQ(OpenedByToken(gcm, Serialize(SchemeId::kAesGcm, iv, body.value(), tag)),
              ToHex(seed_));
  }
}

void KnownAnswerTest::ExpectOaepAgrees(SchemeId scheme_id, const EVP_MD* method) {
  const std::shared_ptr<EVP_PKEY> key(EVP_RSA_gen(3072), EVP_PKEY_free);
  kek_.wrap = CreateRsa(key.get());
  kek_.authenticator = CreateSecret(CKK_GENERIC_SECRET, mac_key_);
  const PublicKey half = PublicKey::FromRsa(NumberOf(key.get(), OSSL_PKEY_PARAM_RSA_N),
                                            NumberOf(key.get(), OSSL_PKEY_PARAM_RSA_E));
  kek_.wrap_public = &half;
  RsaOaep scheme(scheme_id);
  const std::string wrapped = scheme.Wrap(*session_, kek_, identity_, seed_);
  const Envelope parsed = Envelope::Parse(AsBytes(wrapped));
  const Digest binding = BindingOf(AsBytes(wrapped));
  constexpr std::string_view kDomain("mortise.rsa-oaep.v1\0", 20);
  EXPECT_EQ(HmacSha256(mac_key_, Joined({AsBytes(kDomain), binding, parsed.body})),
            *reinterpret_cast<const Digest*>(parsed.tag.data()));
  const Bytes n = {static_cast<std::uint8_t>(seed_.size())};
  EXPECT_EQ(OpenOaep(key.get(), method, parsed.body), Joined({binding, n, seed_}));
  // Of which the body was OpenSSL's work all along: this is the reverse, too.
  EXPECT_EQ(OpenedByToken(scheme, wrapped), ToHex(seed_));
}

TEST_F(KnownAnswerTest, GcmOfSoftHsmAgreesWithOpenSsl) {
  Open<test::SoftHsmToken>();
  ExpectGcmAgrees(IvMode::kCaller);
}

TEST_F(KnownAnswerTest, GcmByMessagesOfNssAgreesWithOpenSsl) {
  if (!OpenNss()) GTEST_SKIP() << *test::NssToken::WhyNot();
  ExpectGcmAgrees(IvMode::kMessageRandom);
}

TEST_F(KnownAnswerTest, KwpOfNssAgreesWithOpenSsl) {
  if (!OpenNss()) GTEST_SKIP() << *test::NssToken::WhyNot();
  kek_.wrap = CreateSecret(CKK_AES, key_);
  AesKwp kwp;
  const std::string wrapped = kwp.Wrap(*session_, kek_, identity_, seed_);
  const Bytes n = {static_cast<std::uint8_t>(seed_.size())};
  const Bytes payload = Joined({BindingOf(AsBytes(wrapped)), n, seed_});
  const ByteView body = Envelope::Parse(AsBytes(wrapped)).body;
  EXPECT_EQ(ByOpenSsl({EVP_aes_256_wrap_pad(), key_, {}, {}, false}, body), payload);
  const std::optional<Bytes> made =
      ByOpenSsl({EVP_aes_256_wrap_pad(), key_, {}, {}, true}, payload);
  EXPECT_EQ(OpenedByToken(kwp, Serialize(SchemeId::kAesKwp, {}, made.value(), {})), ToHex(seed_));
}

TEST_F(KnownAnswerTest, CbcAndHmacOfSoftHsmAgreeWithOpenSsl) {
  Open<test::SoftHsmToken>();
  kek_.wrap = CreateSecret(CKK_AES, key_);
  kek_.authenticator = CreateSecret(CKK_GENERIC_SECRET, mac_key_);
  AesCbcHmac cbc;
  constexpr std::string_view kDomain("mortise.cbc-hmac.v1\0", 20);
  const std::string wrapped = cbc.Wrap(*session_, kek_, identity_, seed_);
  const Envelope parsed = Envelope::Parse(AsBytes(wrapped));
  const Digest binding = BindingOf(AsBytes(wrapped));
  const Bytes n = {static_cast<std::uint8_t>(seed_.size())};
  const Bytes payload = Joined({n, seed_, Bytes(15)});
  EXPECT_EQ(ByOpenSsl({EVP_aes_256_cbc(), key_, parsed.iv, {}, false}, parsed.body), payload);
  EXPECT_EQ(
      ToHex(HmacSha256(mac_key_, Joined({AsBytes(kDomain), binding, parsed.iv, parsed.body}))),
      ToHex(parsed.tag));
  const Bytes iv = RandomBytes(16);
  const std::optional<Bytes> body = ByOpenSsl({EVP_aes_256_cbc(), key_, iv, {}, true}, payload);
  const Digest tag = HmacSha256(mac_key_, Joined({AsBytes(kDomain), binding, iv, body.value()}));
  EXPECT_EQ(OpenedByToken(cbc, Serialize(SchemeId::kAesCbcHmac, iv, *body, tag)), ToHex(seed_));
}

TEST_F(KnownAnswerTest, OaepWithSha1OfSoftHsmAgreesWithOpenSsl) {
  Open<test::SoftHsmToken>();
  ExpectOaepAgrees(SchemeId::kRsaOaepHmacSha1, EVP_sha1());
}

TEST_F(KnownAnswerTest, OaepWithSha256OfNssAgreesWithOpenSsl) {
  if (!OpenNss()) GTEST_SKIP() << *test::NssToken::WhyNot();
  ExpectOaepAgrees(SchemeId::kRsaOaepHmac, EVP_sha256());
}

}  // namespace
}  // namespace mortise::hsm
