// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/kek_operations.h"

#include <algorithm>

#include "base/random.h"
#include "hsm/cryptoki/key_generation.h"
#include "hsm/scheme/canary_proof.h"
#include "hsm/scheme/refusal.h"
#include "hsm/worker/scheme_probe.h"
#include "hsm/worker/self_test.h"

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
    throw Error(Reason::kKeyMissing,
                "the token does not tell the public half of its RSA key: the private object needs "
                "CKA_MODULUS and CKA_PUBLIC_EXPONENT");
  }
  if (facts.authenticator == KeyRole::kSigner && objects.signer_public == nullptr) {
    throw Error(Reason::kKeyMissing, "the token does not tell the public half of the signer key");
  }
}

// CBC without a tag: whether what is encrypted opens is all that is asked.
void ProveCbc(const Session& session, CK_OBJECT_HANDLE key, ByteView plaintext) {
  Bytes iv = RandomBytes(16);
  const CK_MECHANISM cbc{CKM_AES_CBC, iv.data(), iv.size()};
  Bytes sealed(64), opened(64);
  sealed.resize(std::min(sealed.size(), session.Encrypt(cbc, key, plaintext, sealed)));
  opened.resize(std::min(opened.size(), session.Decrypt(cbc, key, sealed, opened)));
  if (AsText(opened) == AsText(plaintext) && AsText(sealed) != AsText(plaintext)) return;
  throw Error(Reason::kProofFailed, "the token does not decrypt what it has encrypted");
}

// A mode that the token does not have may mean zero IVs, so what the configuration says is
// held against the token where it makes throw-away keys.
config::IvMode Resolved(const Session& session, config::IvMode configured) {
  if (configured == config::IvMode::kAuto) return FindIvMode(session);
  if (configured == config::IvMode::kCaller) return configured;
  const ProbeResult result = ProbeScheme(session, SchemeId::kAesGcm, configured);
  if (result.verdict == ProbeVerdict::kProved || result.verdict == ProbeVerdict::kUntried) {
    return configured;
  }
  throw Error(Reason::kKeyRefused,
              "the token does not make GCM's IVs in the way that tokens[].ivMode names: " +
                  result.why + "; `mortise doctor` tells which modes it proves");
}

}  // namespace

KekOperations::KekOperations(config::IvMode gcm_iv) : configured_iv_(gcm_iv) {}

Scheme& KekOperations::SchemeOf(SchemeId scheme) {
  switch (scheme) {
    case SchemeId::kAesGcm:
    case SchemeId::kAesGcmPrepended:
      return gcm_opener_;
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

Scheme& KekOperations::WrapperOf(const Session& session, SchemeId scheme) {
  if (scheme != SchemeId::kAesGcm) return SchemeOf(scheme);
  if (AesGcm* const gcm = resolved_gcm_) return *gcm;
  const std::lock_guard lock(resolving_);
  if (!gcm_) resolved_gcm_ = &gcm_.emplace(Resolved(session, configured_iv_));
  return *gcm_;
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
  return WrapperOf(session, kek.scheme)
      .Wrap(session, keys.objects(), IdentityOf(kek, purpose), seed);
}

std::string KekOperations::WrapAndProve(const Session& session, const HeldKek& keys,
                                        const KekView& kek, Purpose purpose, ByteView seed) {
  RequireObjects(keys, kek.scheme);
  std::string envelope = WrapAndOpen(
      session,
      {WrapperOf(session, kek.scheme), kek.scheme, keys.objects(), IdentityOf(kek, purpose)}, seed);
  keys.wrap->proof.Proved();
  return envelope;
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
  const CK_OBJECT_HANDLE key = GenerateThrowAwayAesKey(session);
  const WrapIdentity identity{Purpose::kSelfTest, "probe", "probe", "probe"};
  const Bytes plaintext = RandomBytes(32);
  const auto has = [&](CK_MECHANISM_TYPE mechanism) {
    return session.HasMechanism(mechanism, CKF_ENCRYPT | CKF_DECRYPT);
  };
  // Every IV mode decrypts alike, but not every token lets the caller encrypt by GCM.
  if (has(CKM_AES_CBC)) {
    ProveCbc(session, key, plaintext);
  } else if (has(CKM_AES_KEY_WRAP_KWP)) {
    WrapAndOpen(session, {aes_kwp_, SchemeId::kAesKwp, {.wrap = key}, identity}, plaintext);
  } else {
    WrapAndOpen(session, {gcm_opener_, SchemeId::kAesGcm, {.wrap = key}, identity}, plaintext);
  }
  DestroyObject(session, key);
}

void KekOperations::SelfTest(SessionKeeper& keeper, const HeldKek& keys, const KekView& kek) {
  RequireObjects(keys, kek.scheme);
  hsm::SelfTest(keeper, {WrapperOf(keeper.session(), kek.scheme), kek.scheme, keys.objects(),
                         IdentityOf(kek, Purpose::kSelfTest)});
  keys.wrap->proof.Proved();
}

}  // namespace mortise::hsm
