// SPDX-License-Identifier: Apache-2.0
#include "hsm/cryptoki/key_generation.h"

#include <fmt/format.h>

#include <array>

#include "hsm/cryptoki/attributes.h"
#include "hsm/cryptoki/key_template.h"
#include "hsm/cryptoki/return_codes.h"

namespace mortise::hsm {
namespace {

constexpr CK_ATTRIBUTE_TYPE kCipherUses[] = {CKA_ENCRYPT, CKA_DECRYPT};
constexpr CK_ATTRIBUTE_TYPE kMacUses[] = {CKA_SIGN, CKA_VERIFY};

// NSS softokn says GENERAL_ERROR where the standard has a code for it.
bool MayBeTheTemplate(CK_RV rv) {
  return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_VALUE_INVALID ||
         rv == CKR_TEMPLATE_INCONSISTENT || rv == CKR_GENERAL_ERROR;
}

// Asks for less and less of what is optional until the token takes it. A throw-away key
// needs none of it.
template <typename GenerateOnce>
void Generate(const KeyPlace& place, std::string_view function, GenerateOnce generate_once) {
  CK_RV rv = CKR_OK;
  for (const Optional optional : kDegrees) {
    if (!place.in_token && optional != Optional::kNone) continue;
    rv = generate_once(optional);
    if (rv == CKR_OK) return;
    if (!MayBeTheTemplate(rv)) break;
  }
  throw MakeError(rv, function);
}

struct SecretKind {
  CK_MECHANISM_TYPE generation;
  CK_KEY_TYPE type;
  std::span<const CK_ATTRIBUTE_TYPE> allowed;
};
constexpr SecretKind kAes = {CKM_AES_KEY_GEN, CKK_AES, kCipherUses};
constexpr SecretKind kMac = {CKM_GENERIC_SECRET_KEY_GEN, CKK_GENERIC_SECRET, kMacUses};

CK_OBJECT_HANDLE GenerateSecret(const Session& session, const KeyPlace& place,
                                const SecretKind& kind, CK_MECHANISM_TYPE mechanism) {
  CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
  Generate(place, "C_GenerateKey", [&](Optional optional) {
    KeyTemplate wanted = SecretKeyTemplate(place, kind.type, kind.allowed, mechanism, optional);
    CK_MECHANISM generation{kind.generation, nullptr, 0};
    return session.p11().C_GenerateKey(session.handle(), &generation, wanted.data(), wanted.size(),
                                       &key);
  });
  return key;
}

struct PairKind {
  CK_MECHANISM_TYPE generation;
  CK_KEY_TYPE type;
  CK_ATTRIBUTE_TYPE public_use, private_use;
  CK_MECHANISM_TYPE mechanism;
};
constexpr PairKind kRsa = {CKM_RSA_PKCS_KEY_PAIR_GEN, CKK_RSA, CKA_ENCRYPT, CKA_DECRYPT,
                           CKM_RSA_PKCS_OAEP};
constexpr PairKind kP256 = {CKM_EC_KEY_PAIR_GEN, CKK_EC, CKA_VERIFY, CKA_SIGN, CKM_ECDSA};
constexpr PairKind kEd25519 = {CKM_EC_EDWARDS_KEY_PAIR_GEN, CKK_EC_EDWARDS, CKA_VERIFY, CKA_SIGN,
                               CKM_EDDSA};

// `describe` adds to the public template what the pair is to be.
template <typename Describe>
KeyPair GeneratePair(const Session& session, const KeyPlace& place, const KeyPlace& public_place,
                     const PairKind& kind, Describe describe) {
  KeyPair pair;
  Generate(place, "C_GenerateKeyPair", [&](Optional optional) {
    KeyTemplate public_wanted = PublicKeyTemplate(public_place, kind.type, kind.public_use);
    describe(public_wanted);
    KeyTemplate private_wanted =
        PrivateKeyTemplate(place, kind.type, kind.private_use, kind.mechanism, optional);
    CK_MECHANISM generation{kind.generation, nullptr, 0};
    return session.p11().C_GenerateKeyPair(
        session.handle(), &generation, public_wanted.data(), public_wanted.size(),
        private_wanted.data(), private_wanted.size(), &pair.public_key, &pair.private_key);
  });
  return pair;
}

KeyPair GenerateRsaPair(const Session& session, const KeyPlace& place, CK_ULONG bits) {
  return GeneratePair(session, place, KeyPlace{}, kRsa, [bits](KeyTemplate& wanted) {
    wanted.Add(CKA_MODULUS_BITS, bits)
        .Add(CKA_PUBLIC_EXPONENT, ByteView(std::array<std::uint8_t, 3>{1, 0, 1}));
  });
}

KeyPair GenerateSignerPair(const Session& session, const KeyPlace& place, SignerKind kind) {
  // The object identifiers prime256v1 and Ed25519, in DER.
  constexpr std::array<std::uint8_t, 10> kP256Curve = {0x06, 0x08, 0x2a, 0x86, 0x48,
                                                       0xce, 0x3d, 0x03, 0x01, 0x07};
  constexpr std::array<std::uint8_t, 5> kEd25519Curve = {0x06, 0x03, 0x2b, 0x65, 0x70};
  const bool is_p256 = kind == SignerKind::kP256;
  const ByteView curve = is_p256 ? ByteView(kP256Curve) : ByteView(kEd25519Curve);
  return GeneratePair(session, place, place, is_p256 ? kP256 : kEd25519,
                      [curve](KeyTemplate& wanted) { wanted.Add(CKA_EC_PARAMS, curve); });
}

// Nothing: the key has the name that was asked for.
std::string NameProblem(const Session& session, CK_OBJECT_HANDLE key, const KeyPlace& wanted) {
  const Bytes label = ReadBytes(session, key, CKA_LABEL).value_or(Bytes());
  const Bytes id = ReadBytes(session, key, CKA_ID).value_or(Bytes());
  if (AsText(label) == wanted.label && id == wanted.id) return {};
  return fmt::format(
      "the token stored the key's label as \"{}\" and its id as {} instead of \"{}\" "
      "and {}; the key was destroyed; choose a keyring with a shorter name",
      Printable(AsText(label)), ToHex(id), wanted.label, ToHex(wanted.id));
}

void RequireName(const Session& session, const KeyPair& keys, const KeyPlace& wanted) {
  const std::string problem = NameProblem(session, keys.private_key, wanted);
  if (problem.empty()) return;
  DestroyObject(session, keys.private_key);
  if (keys.public_key != CK_INVALID_HANDLE) DestroyObject(session, keys.public_key);
  throw Error(Reason::kKeyRefused, problem);
}

KeyPlace InToken(const std::string& label, ByteView id) {
  return {.in_token = true, .label = label, .id = Bytes(id.begin(), id.end())};
}

bool TellsPublicHalf(const Session& session, CK_OBJECT_HANDLE private_key) {
  const auto has = [&](CK_ATTRIBUTE_TYPE type) {
    return !ReadBytes(session, private_key, type).value_or(Bytes()).empty();
  };
  return has(CKA_PUBLIC_KEY_INFO) || (has(CKA_EC_POINT) && has(CKA_EC_PARAMS));
}

}  // namespace

CK_OBJECT_HANDLE GenerateAesKey(const Session& session, const std::string& label, ByteView id,
                                CK_MECHANISM_TYPE mechanism) {
  const KeyPlace place = InToken(label, id);
  const CK_OBJECT_HANDLE key = GenerateSecret(session, place, kAes, mechanism);
  RequireName(session, {.private_key = key}, place);
  return key;
}

CK_OBJECT_HANDLE GenerateMacKey(const Session& session, const std::string& label, ByteView id) {
  const KeyPlace place = InToken(label, id);
  const CK_OBJECT_HANDLE key = GenerateSecret(session, place, kMac, CKM_SHA256_HMAC);
  RequireName(session, {.private_key = key}, place);
  return key;
}

CK_OBJECT_HANDLE GenerateRsaKey(const Session& session, const std::string& label, ByteView id,
                                CK_ULONG bits) {
  const KeyPlace place = InToken(label, id);
  const KeyPair pair = GenerateRsaPair(session, place, bits);
  RequireName(session, pair, place);
  DestroyObject(session, pair.public_key);
  return pair.private_key;
}

CK_OBJECT_HANDLE GenerateSignerKey(const Session& session, const std::string& label, ByteView id,
                                   SignerKind kind) {
  const KeyPlace place = InToken(label, id);
  const KeyPair pair = GenerateSignerPair(session, place, kind);
  RequireName(session, pair, place);
  if (TellsPublicHalf(session, pair.private_key)) DestroyObject(session, pair.public_key);
  return pair.private_key;
}

CK_OBJECT_HANDLE GenerateThrowAwayAesKey(const Session& session) {
  return GenerateSecret(session, {}, kAes, CKM_AES_GCM);
}

CK_OBJECT_HANDLE GenerateThrowAwayMacKey(const Session& session) {
  return GenerateSecret(session, {}, kMac, CKM_SHA256_HMAC);
}

KeyPair GenerateThrowAwayRsaKey(const Session& session, CK_ULONG bits) {
  return GenerateRsaPair(session, {}, bits);
}

KeyPair GenerateThrowAwaySigner(const Session& session, SignerKind kind) {
  return GenerateSignerPair(session, {}, kind);
}

void DestroyObject(const Session& session, CK_OBJECT_HANDLE object) {
  Check(session.p11().C_DestroyObject(session.handle(), object), "C_DestroyObject");
}

}  // namespace mortise::hsm
