// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/kek_operations.h"

#include "base/random.h"
#include "hsm/cryptoki/key_generation.h"
#include "hsm/cryptoki/return_codes.h"
#include "hsm/scheme/canary_proof.h"
#include "hsm/scheme/refusal.h"

namespace mortise::hsm {
namespace {

WrapIdentity IdentityOf(const KekView& kek, Purpose purpose) {
  return {purpose, kek.keyring, kek.context, kek.key_id, kek.forbids_caller_iv};
}

// What a scheme is made of, before it is used: the front may name less than that.
void RequireObjects(const HeldKek& keys, SchemeId scheme) {
  const SchemeFacts& facts = FactsOf(scheme);
  const KekObjects objects = keys.objects();
  if (facts.authenticator && objects.authenticator == CK_INVALID_HANDLE) {
    throw Error(Reason::kKeyMissing, "the key's MAC or signer object is not in the token");
  }
  if (facts.wraps_in_software && objects.wrap_public == nullptr) {
    throw Error(Reason::kKeyRefused,
                "the token does not tell the public half of its RSA key: the private object needs "
                "CKA_MODULUS and CKA_PUBLIC_EXPONENT");
  }
  if (facts.authenticator == KeyRole::kSigner && objects.signer_public == nullptr) {
    throw Error(Reason::kKeyRefused, "the token does not tell the public half of the signer key");
  }
}

std::string Flipped(std::string envelope, std::size_t at) {
  envelope[at] = static_cast<char>(envelope[at] ^ 1);
  return envelope;
}

}  // namespace

KekOperations::KekOperations(config::IvMode) {}

Scheme& KekOperations::SchemeOf(SchemeId scheme) {
  switch (scheme) {
    case SchemeId::kAesGcm:
    case SchemeId::kAesGcmPrepended:
      return aes_gcm_;
    case SchemeId::kAesKwp:
      return aes_kwp_;
    case SchemeId::kAesCbcHmac:
      return aes_cbc_hmac_;
    case SchemeId::kRsaOaepHmac:
      return rsa_oaep_hmac_;
    case SchemeId::kRsaOaepSign:
      return rsa_oaep_sign_;
    case SchemeId::kRsaOaepHmacSha1:
      return rsa_oaep_hmac_sha1_;
    case SchemeId::kRsaOaepSignSha1:
      return rsa_oaep_sign_sha1_;
  }
  throw Error(Reason::kInternal, "a key of no known scheme");
}

SecretBytes KekOperations::Open(const Session& session, const HeldKek& keys, const KekView& kek,
                                Purpose purpose, ByteView bytes) {
  RequireObjects(keys, kek.scheme);
  const Envelope envelope = Envelope::Parse(bytes);
  if (!MayOpen(kek.scheme, envelope.scheme)) RefuseCiphertext();
  return SchemeOf(kek.scheme).Unwrap(session, keys.objects(), IdentityOf(kek, purpose), envelope);
}

std::string KekOperations::Wrap(const Session& session, const HeldKek& keys, const KekView& kek,
                                Purpose purpose, ByteView seed) {
  RequireObjects(keys, kek.scheme);
  return SchemeOf(kek.scheme).Wrap(session, keys.objects(), IdentityOf(kek, purpose), seed);
}

std::string KekOperations::WrapAndProve(const Session& session, const HeldKek& keys,
                                        const KekView& kek, Purpose purpose, ByteView seed) {
  std::string envelope = Wrap(session, keys, kek, purpose, seed);
  try {
    const SecretBytes opened = Unwrap(session, keys, kek, purpose, AsBytes(envelope));
    if (EqualInConstantTime(opened.view(), seed)) return envelope;
  } catch (const Error& error) {
    if (!MayBeRefusal(error.ckr())) throw;
    throw Error(Reason::kProofFailed,
                std::string("the token does not open what it has just wrapped: ") + error.what(),
                error.ckr());
  }
  throw Error(Reason::kProofFailed, "a wrap opened to other bytes than were wrapped");
}

SecretBytes KekOperations::Unwrap(const Session& session, const HeldKek& keys, const KekView& kek,
                                  Purpose purpose, ByteView envelope) {
  SecretBytes seed = Open(session, keys, kek, purpose, envelope);
  keys.wrap->proof.Proved();
  return seed;
}

void KekOperations::OpenCanary(const Session& session, const HeldKek& keys, const KekView& kek) {
  const SecretBytes opened = Open(session, keys, kek, Purpose::kCanary, AsBytes(kek.canary));
  if (!EqualInConstantTime(CanaryProof(opened.view()), kek.canary_proof)) {
    throw Error(Reason::kCiphertextRefused,
                "the canary opened to other bytes than its proof names");
  }
  keys.wrap->proof.Proved();
  keys.wrap->opens_canary = true;
  if (keys.authenticator) keys.authenticator->opens_canary = true;
}

std::string KekOperations::MakeCanary(const Session& session, const HeldKek& keys,
                                      const KekView& kek) {
  SecretBytes random(32);
  FillRandom({random.data(), random.size()});
  const std::string envelope = WrapAndProve(session, keys, kek, Purpose::kCanary, random.view());
  const Digest proof = CanaryProof(random.view());
  return std::string(AsText(proof)) + envelope;
}

void KekOperations::ProveToken(const Session& session) {
  const HeldKek throw_away{.wrap = std::make_shared<HeldKey>(), .authenticator = nullptr};
  throw_away.wrap->handle = GenerateThrowAwayAesKey(session);
  const Bytes plaintext = RandomBytes(32);
  WrapAndProve(session, throw_away, KekView{}, Purpose::kSelfTest, plaintext);
  DestroyObject(session, throw_away.wrap->handle);
}

void KekOperations::SelfTest(SessionKeeper& keeper, const HeldKek& keys, const KekView& kek) {
  SecretBytes plaintext(32);
  FillRandom({plaintext.data(), plaintext.size()});
  const auto wrap = [&] {
    return WrapAndProve(keeper.session(), keys, kek, Purpose::kSelfTest, plaintext.view());
  };
  const std::string first = wrap();
  const Envelope one = Envelope::Parse(AsBytes(first));
  const std::size_t body_at = kEnvelopeHeaderSize + one.iv.size();
  // The last bit of the IV: of CBC it is one of the seed, whose form would betray no other.
  if (!one.iv.empty()) ExpectRefused(keeper, keys, kek, Flipped(first, body_at - 1), "IV");
  ExpectRefused(keeper, keys, kek, Flipped(first, body_at), "ciphertext");
  ExpectRefused(keeper, keys, kek, Flipped(first, first.size() - 1), "tag");
  KekView foreign = kek;
  foreign.key_id = "self-test.1.0000000000000000";
  ExpectRefused(keeper, keys, foreign, first, "binding");
  // Last, for it also shows that the token still opens what is good.
  const std::string second = wrap();
  const Envelope other = Envelope::Parse(AsBytes(second));
  if (FactsOf(kek.scheme).is_deterministic) return;
  const bool is_same_iv = !one.iv.empty() && AsText(one.iv) == AsText(other.iv);
  if (is_same_iv || AsText(one.body) == AsText(other.body)) {
    throw Error(Reason::kProofFailed, "self-test: two wraps of equal bytes are alike");
  }
}

void KekOperations::ExpectRefused(SessionKeeper& keeper, const HeldKek& keys, const KekView& kek,
                                  const std::string& envelope, std::string_view what) {
  try {
    Unwrap(keeper.session(), keys, kek, Purpose::kSelfTest, AsBytes(envelope));
  } catch (const Error& error) {
    if (error.ckr() == CKR_OK && error.reason() == Reason::kCiphertextRefused) return;
    if (!MayBeRefusal(error.ckr())) throw;
    keeper.Renew();
    return;
  }
  throw Error(Reason::kProofFailed, "self-test: the token opened a wrap with another " +
                                        std::string(what) +
                                        "; this token cannot authenticate and must not be used");
}

}  // namespace mortise::hsm
