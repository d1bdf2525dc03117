// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/digest.h"

struct evp_pkey_st;

namespace mortise::hsm {

enum class OaepHash : std::uint8_t { kSha1, kSha256 };  // of OAEP and of its MGF1 alike

// The public half of a token's key, taken from the private object, because anyone may
// replace a public one. Immutable; thread-safe. Every constructor throws Error(kKeyRefused)
// for what is no such key.
class PublicKey {
 public:
  // Unsigned big-endian, as CKA_MODULUS and CKA_PUBLIC_EXPONENT.
  static PublicKey FromRsa(ByteView modulus, ByteView exponent);
  // CKA_PUBLIC_KEY_INFO: a DER SubjectPublicKeyInfo of RSA, P-256 or Ed25519.
  static PublicKey FromSpki(ByteView der);
  // CKA_EC_PARAMS and CKA_EC_POINT, of P-256 or Ed25519; the point with its DER OCTET STRING
  // around it or, as some tokens give it, without.
  static PublicKey FromEcPoint(ByteView params, ByteView point);

  // SHA-256 of the DER SubjectPublicKeyInfo: P of FORMATS.md, key_id.
  const Digest& spki_digest() const { return spki_digest_; }
  bool is_rsa() const { return kind_ == Kind::kRsa; }
  bool is_ed25519() const { return kind_ == Kind::kEd25519; }
  int bits() const { return bits_; }  // of the modulus; 256 of either curve

  // RSA: k, the modulus' length in bytes.
  std::size_t modulus_size() const { return (static_cast<std::size_t>(bits_) + 7) / 8; }
  // RSA: k bytes. Throws Error(kInternal) for a payload that is too long.
  std::string OaepEncrypt(OaepHash hash, ByteView payload) const;
  // RSA: whether `body`, big-endian, is an integer below the modulus.
  bool IsBelowModulus(ByteView body) const;
  // Ed25519, or ECDSA P-256 over SHA-256 with the signature as r‖s, 64 bytes either way.
  bool Verifies(ByteView message, ByteView signature) const;

 private:
  enum class Kind : std::uint8_t { kRsa, kP256, kEd25519 };
  PublicKey(Kind kind, std::shared_ptr<evp_pkey_st> key);

  Kind kind_;
  int bits_ = 256;
  std::shared_ptr<evp_pkey_st> key_;
  Bytes modulus_;  // of an RSA key, without leading zeros
  Digest spki_digest_{};
};

}  // namespace mortise::hsm
