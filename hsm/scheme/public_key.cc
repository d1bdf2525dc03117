// SPDX-License-Identifier: Apache-2.0
#include "hsm/scheme/public_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>

#include "base/error.h"

namespace mortise::hsm {
namespace {

template <typename T, void (*kFree)(T*)>
struct Freed {
  void operator()(T* object) const { kFree(object); }
};
using Number = std::unique_ptr<BIGNUM, Freed<BIGNUM, BN_free>>;
using Context = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX, EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX, EVP_MD_CTX_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM, OSSL_PARAM_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG, ECDSA_SIG_free>>;
using Key = std::shared_ptr<EVP_PKEY>;

constexpr int kMinRsaBits = 2048;
constexpr int kMaxRsaBits = 8192;
constexpr std::size_t kPointSize = 65;    // P-256, not compressed
constexpr std::size_t kEd25519Size = 32;  // a public key
constexpr std::size_t kSignatureHalf = 32;

// A SubjectPublicKeyInfo up to its key.
constexpr std::array<std::uint8_t, 26> kP256Head = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
constexpr std::array<std::uint8_t, 12> kEd25519Head = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                                       0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
// CKA_EC_PARAMS: an object identifier, or the curve's name as PKCS#11 3.0 has it.
constexpr std::array<std::uint8_t, 10> kP256Oid = {0x06, 0x08, 0x2a, 0x86, 0x48,
                                                   0xce, 0x3d, 0x03, 0x01, 0x07};
constexpr std::array<std::uint8_t, 5> kEd25519Oid = {0x06, 0x03, 0x2b, 0x65, 0x70};
constexpr std::string_view kEd25519Name =
    "\x13\x0c"
    "edwards25519";

// OpenSSL's queue of errors belongs to the thread; nothing of ours stays in it.
struct ClearedErrors {
  ~ClearedErrors() { ERR_clear_error(); }
};

[[noreturn]] void Refuse(const std::string& why) {
  throw Error(Reason::kKeyRefused, "the token's public half of a key " + why);
}

bool Is(ByteView a, ByteView b) {
  return std::ranges::equal(a, b);
}

bool StartsWith(ByteView bytes, ByteView head) {
  return bytes.size() >= head.size() && Is(bytes.first(head.size()), head);
}

Key Parse(ByteView der) {
  const ClearedErrors cleared;
  const unsigned char* at = der.data();
  Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())), EVP_PKEY_free);
  if (!key || at != der.data() + der.size()) Refuse("is no SubjectPublicKeyInfo");
  return key;
}

Number ToNumber(ByteView bytes) {
  return Number(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
}

Number ModulusOf(const EVP_PKEY* key) {
  BIGNUM* modulus = nullptr;
  if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus) != 1) return nullptr;
  return Number(modulus);
}

void RequireSoundRsa(const EVP_PKEY* key) {
  const int bits = EVP_PKEY_get_bits(key);
  if (bits < kMinRsaBits || bits > kMaxRsaBits) {
    Refuse("is an RSA key of " + std::to_string(bits) + " bits");
  }
  BIGNUM* read = nullptr;
  EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &read);
  const Number exponent(read);
  const Number modulus = ModulusOf(key);
  // With an exponent of 1 nothing would be encrypted at all.
  if (!exponent || !modulus || !BN_is_odd(modulus.get()) || !BN_is_odd(exponent.get()) ||
      BN_is_one(exponent.get()) || BN_num_bits(exponent.get()) > 64) {
    Refuse("is no sound RSA key");
  }
}

template <std::size_t kHeadSize>
Bytes Spki(const std::array<std::uint8_t, kHeadSize>& head, ByteView key) {
  Bytes der(head.begin(), head.end());
  der.insert(der.end(), key.begin(), key.end());
  return der;
}

// The point itself, of `size` bytes, with the OCTET STRING around it or without.
ByteView PointOf(ByteView bytes, std::size_t size) {
  if (bytes.size() == size) return bytes;
  if (bytes.size() != size + 2 || bytes[0] != 0x04 || bytes[1] != size) {
    Refuse("is no point of its curve");
  }
  return bytes.subspan(2);
}

}  // namespace

PublicKey::PublicKey(Kind kind, std::shared_ptr<evp_pkey_st> key)
    : kind_(kind), key_(std::move(key)) {
  const ClearedErrors cleared;
  if (kind == Kind::kRsa) {
    RequireSoundRsa(key_.get());
    bits_ = EVP_PKEY_get_bits(key_.get());
    modulus_.resize(modulus_size());
    BN_bn2binpad(ModulusOf(key_.get()).get(), modulus_.data(), static_cast<int>(modulus_.size()));
  }
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key_.get(), &der);
  if (size <= 0) Refuse("cannot be written as a SubjectPublicKeyInfo");
  spki_digest_ = Sha256::Of({der, static_cast<std::size_t>(size)});
  OPENSSL_free(der);
}

PublicKey PublicKey::FromRsa(ByteView modulus, ByteView exponent) {
  const ClearedErrors cleared;
  if (modulus.empty() || modulus.size() > kMaxRsaBits / 8 + 1 || exponent.empty() ||
      exponent.size() > 16) {
    Refuse("is no RSA key");
  }
  const Number n = ToNumber(modulus);
  const Number e = ToNumber(exponent);
  const Builder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  const Context context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
    Refuse("is no RSA key");
  }
  return PublicKey(Kind::kRsa, Key(key, EVP_PKEY_free));
}

PublicKey PublicKey::FromSpki(ByteView der) {
  // Of the curves one form alone, so that a key has one digest.
  if (der.size() == kP256Head.size() + kPointSize && StartsWith(der, kP256Head)) {
    return PublicKey(Kind::kP256, Parse(der));
  }
  if (der.size() == kEd25519Head.size() + kEd25519Size && StartsWith(der, kEd25519Head)) {
    return PublicKey(Kind::kEd25519, Parse(der));
  }
  Key key = Parse(der);
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) {
    Refuse("is neither RSA nor P-256 nor Ed25519");
  }
  return PublicKey(Kind::kRsa, std::move(key));
}

PublicKey PublicKey::FromEcPoint(ByteView params, ByteView point) {
  if (Is(params, kP256Oid)) {
    return PublicKey(Kind::kP256, Parse(Spki(kP256Head, PointOf(point, kPointSize))));
  }
  if (Is(params, kEd25519Oid) || Is(params, AsBytes(kEd25519Name))) {
    return PublicKey(Kind::kEd25519, Parse(Spki(kEd25519Head, PointOf(point, kEd25519Size))));
  }
  Refuse("is on neither P-256 nor Ed25519");
}

std::string PublicKey::OaepEncrypt(OaepHash hash, ByteView payload) const {
  const ClearedErrors cleared;
  const EVP_MD* const method = hash == OaepHash::kSha1 ? EVP_sha1() : EVP_sha256();
  const Context context(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
  std::string body(modulus_size(), '\0');
  std::size_t size = body.size();
  if (!is_rsa() || !context || EVP_PKEY_encrypt_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
      EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), method) != 1 ||
      EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), method) != 1 ||
      EVP_PKEY_encrypt(context.get(), reinterpret_cast<unsigned char*>(body.data()), &size,
                       payload.data(), payload.size()) != 1 ||
      size != body.size()) {
    throw Error(Reason::kInternal, "OpenSSL did not encrypt by RSA-OAEP; please report this");
  }
  return body;
}

bool PublicKey::IsBelowModulus(ByteView body) const {
  const auto first = std::ranges::find_if(body, [](std::uint8_t byte) { return byte != 0; });
  const ByteView number(first, body.end());
  if (number.size() != modulus_.size()) return number.size() < modulus_.size();
  return std::ranges::lexicographical_compare(number, modulus_);
}

bool PublicKey::Verifies(ByteView message, ByteView signature) const {
  const ClearedErrors cleared;
  if (is_rsa() || signature.size() != 2 * kSignatureHalf) return false;
  Bytes form(signature.begin(), signature.end());
  if (kind_ == Kind::kP256) {
    const Signature pair(ECDSA_SIG_new());
    ECDSA_SIG_set0(pair.get(), ToNumber(signature.first(kSignatureHalf)).release(),
                   ToNumber(signature.last(kSignatureHalf)).release());
    unsigned char* der = nullptr;
    const int size = i2d_ECDSA_SIG(pair.get(), &der);
    if (size <= 0) return false;
    form.assign(der, der + size);
    OPENSSL_free(der);
  }
  const DigestContext context(EVP_MD_CTX_new());
  const EVP_MD* const method = kind_ == Kind::kP256 ? EVP_sha256() : nullptr;
  return context &&
         EVP_DigestVerifyInit(context.get(), nullptr, method, nullptr, key_.get()) == 1 &&
         EVP_DigestVerify(context.get(), form.data(), form.size(), message.data(),
                          message.size()) == 1;
}

}  // namespace mortise::hsm
