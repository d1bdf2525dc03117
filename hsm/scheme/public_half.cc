// SPDX-License-Identifier: Apache-2.0
#include "hsm/scheme/public_half.h"

#include "base/error.h"
#include "base/random.h"
#include "hsm/cryptoki/attributes.h"
#include "hsm/scheme/authenticator.h"

namespace mortise::hsm {
namespace {

template <typename Make>
std::optional<PublicKey> Try(Make make) {
  try {
    return make();
  } catch (const Error& error) {
    if (error.reason() != Reason::kKeyRefused) throw;
    return std::nullopt;
  }
}

}  // namespace

std::optional<PublicKey> ReadPublicHalf(const Session& session, CK_OBJECT_HANDLE object) {
  const auto read = [&](CK_ATTRIBUTE_TYPE type) {
    return ReadBytes(session, object, type).value_or(Bytes());
  };
  const Bytes modulus = read(CKA_MODULUS);
  if (!modulus.empty()) {
    return Try([&] { return PublicKey::FromRsa(modulus, read(CKA_PUBLIC_EXPONENT)); });
  }
  const Bytes info = read(CKA_PUBLIC_KEY_INFO);
  if (!info.empty()) return Try([&] { return PublicKey::FromSpki(info); });
  const Bytes point = read(CKA_EC_POINT);
  if (point.empty()) return std::nullopt;
  return Try([&] { return PublicKey::FromEcPoint(read(CKA_EC_PARAMS), point); });
}

bool SignsFor(const Session& session, CK_OBJECT_HANDLE private_key, const PublicKey& public_half) {
  if (public_half.is_rsa()) return false;
  // A text of its own, so that the signature is of no use as any other.
  constexpr std::string_view kDomain("mortise.signer-proof.v1\0", 24);
  Bytes message(kDomain.begin(), kDomain.end());
  const Bytes nonce = RandomBytes(32);
  message.insert(message.end(), nonce.begin(), nonce.end());
  return public_half.Verifies(message, SignInToken(session, private_key, public_half, message));
}

}  // namespace mortise::hsm
