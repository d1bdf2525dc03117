// SPDX-License-Identifier: Apache-2.0
#include "hsm/cryptoki/signing_key.h"

#include <fmt/format.h>
#include <p11-kit/uri.h>

#include <array>
#include <memory>
#include <vector>

#include "base/digest.h"
#include "hsm/cryptoki/attributes.h"
#include "hsm/cryptoki/return_codes.h"

namespace mortise::hsm {
namespace {

constexpr CK_MECHANISM_TYPE kEdDsa = 0x1057;  // CKM_EDDSA, PKCS#11 3.0 §2.3.10
constexpr CK_KEY_TYPE kEdwards = 0x40;        // CKK_EC_EDWARDS
constexpr std::size_t kLargestSignature = 1024;

// What the URI says of the object; empty where it says nothing.
struct Wanted {
  std::string label;
  Bytes id;
};

Wanted ParseWanted(const std::string& text) {
  const std::unique_ptr<P11KitUri, decltype(&p11_kit_uri_free)> uri(p11_kit_uri_new(),
                                                                    p11_kit_uri_free);
  if (p11_kit_uri_parse(text.c_str(), P11_KIT_URI_FOR_OBJECT, uri.get()) != P11_KIT_URI_OK) {
    throw Error(Reason::kConfig, text + " is no PKCS#11 URI of an object (RFC 7512)");
  }
  const auto bytes = [&](CK_ATTRIBUTE_TYPE type) {
    const CK_ATTRIBUTE* attribute = p11_kit_uri_get_attribute(uri.get(), type);
    if (attribute == nullptr) return Bytes();
    const auto* begin = static_cast<const std::uint8_t*>(attribute->pValue);
    return Bytes(begin, begin + attribute->ulValueLen);
  };
  const Wanted wanted{std::string(AsText(bytes(CKA_LABEL))), bytes(CKA_ID)};
  if (wanted.label.empty() && wanted.id.empty()) {
    throw Error(Reason::kConfig, text + " names no key; add object= or id=");
  }
  return wanted;
}

bool Matches(const Session& session, CK_OBJECT_HANDLE key, const Wanted& wanted) {
  const auto has = [&](CK_ATTRIBUTE_TYPE type, ByteView value) {
    return value.empty() ||
           AsText(ReadBytes(session, key, type).value_or(Bytes())) == AsText(value);
  };
  return has(CKA_LABEL, AsBytes(wanted.label)) && has(CKA_ID, wanted.id);
}

// ES256 is of this curve alone (RFC 7518 §3.4); the parameters are its object identifier.
bool IsP256(const Session& session, CK_OBJECT_HANDLE key) {
  constexpr std::array<std::uint8_t, 10> kP256 = {0x06, 0x08, 0x2a, 0x86, 0x48,
                                                  0xce, 0x3d, 0x03, 0x01, 0x07};
  return AsText(ReadBytes(session, key, CKA_EC_PARAMS).value_or(Bytes())) == AsText(kP256);
}

}  // namespace

SigningKey FindSigningKey(const Session& session, const std::string& uri) {
  const Wanted wanted = ParseWanted(uri);
  struct Kind {
    CK_KEY_TYPE type;
    const char* algorithm;
  };
  std::vector<SigningKey> found;
  for (const Kind& kind :
       {Kind{CKK_RSA, "RS256"}, Kind{CKK_EC, "ES256"}, Kind{kEdwards, "EdDSA"}}) {
    for (const CK_OBJECT_HANDLE key : FindPrivateKeys(session, CKO_PRIVATE_KEY, kind.type)) {
      if (!Matches(session, key, wanted)) continue;
      if (kind.type == CKK_EC && !IsP256(session, key)) continue;
      const Bytes label = ReadBytes(session, key, CKA_LABEL).value_or(Bytes());
      found.push_back({key, std::string(AsText(label)), kind.algorithm});
    }
  }
  if (found.size() == 1) return found.front();
  throw Error(Reason::kConfig,
              fmt::format("{} private keys of the token match {}; name exactly one by object= and "
                          "id=, of RSA, P-256 or Ed25519",
                          found.empty() ? "no" : std::to_string(found.size()), uri));
}

Bytes SignWith(const Session& session, const SigningKey& key, ByteView message) {
  const Digest digest = Sha256::Of(message);
  CK_MECHANISM mechanism{CKM_SHA256_RSA_PKCS, nullptr, 0};
  ByteView input = message;
  if (key.algorithm == "ES256") {
    mechanism.mechanism = CKM_ECDSA;
    input = digest;
  } else if (key.algorithm == "EdDSA") {
    mechanism.mechanism = kEdDsa;
  }
  std::array<std::uint8_t, kLargestSignature> signature{};
  const std::size_t size = session.Sign(mechanism, key.handle, input, signature);
  return Bytes(signature.begin(), signature.begin() + static_cast<std::ptrdiff_t>(size));
}

}  // namespace mortise::hsm
