// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/throw_away_keys.h"

#include "base/error.h"
#include "hsm/cryptoki/key_generation.h"
#include "hsm/scheme/public_half.h"

namespace mortise::hsm {
namespace {

constexpr CK_ULONG kRsaBits = 3072;

// The token has just made both, so its public object may be believed.
PublicKey PublicHalfOf(const Session& session, const KeyPair& pair) {
  std::optional<PublicKey> half = ReadPublicHalf(session, pair.private_key);
  if (!half) half = ReadPublicHalf(session, pair.public_key);
  if (!half) throw Error(Reason::kKeyRefused, "the token does not tell a key's public half");
  return *std::move(half);
}

}  // namespace

KekObjects ThrowAwayKeys::For(SchemeId scheme) {
  const SchemeFacts& facts = FactsOf(scheme);
  KekObjects objects;
  if (facts.wrap_key == ObjectKind::kRsaPrivate) {
    objects.wrap = Rsa().private_key;
    objects.wrap_public = &Rsa().public_half;
  } else {
    if (!aes_) aes_ = GenerateThrowAwayAesKey(owner_);
    objects.wrap = *aes_;
  }
  if (facts.authenticator) AddAuthenticator(*facts.authenticator, objects);
  return objects;
}

void ThrowAwayKeys::AddAuthenticator(KeyRole role, KekObjects& objects) {
  if (role == KeyRole::kSigner) {
    objects.authenticator = Signer().private_key;
    objects.signer_public = &Signer().public_half;
  } else {
    if (!mac_) mac_ = GenerateThrowAwayMacKey(owner_);
    objects.authenticator = *mac_;
  }
}

const ThrowAwayKeys::Asymmetric& ThrowAwayKeys::Rsa() {
  if (!rsa_) {
    const KeyPair pair = GenerateThrowAwayRsaKey(owner_, kRsaBits);
    rsa_.emplace(Asymmetric{pair.private_key, PublicHalfOf(owner_, pair)});
  }
  return *rsa_;
}

const ThrowAwayKeys::Asymmetric& ThrowAwayKeys::Signer() {
  if (!signer_) {
    const bool has_ed25519 = owner_.HasMechanism(CKM_EDDSA, CKF_SIGN);
    const KeyPair pair =
        GenerateThrowAwaySigner(owner_, has_ed25519 ? SignerKind::kEd25519 : SignerKind::kP256);
    signer_.emplace(Asymmetric{pair.private_key, PublicHalfOf(owner_, pair)});
  }
  return *signer_;
}

}  // namespace mortise::hsm
