// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/kek_operations.h"

#include "base/random.h"
#include "hsm/cryptoki/key_generation.h"
#include "hsm/cryptoki/return_codes.h"
#include "hsm/scheme/canary_proof.h"

namespace mortise::hsm {
namespace {

WrapIdentity IdentityOf(const KekView& kek, Purpose purpose) {
  return {purpose, kek.keyring, kek.context, kek.key_id};
}

std::string Flipped(std::string envelope, std::size_t at) {
  envelope[at] = static_cast<char>(envelope[at] ^ 1);
  return envelope;
}

}  // namespace

std::string KekOperations::Wrap(const Session& session, const HeldKey& key, const KekView& kek,
                                Purpose purpose, ByteView seed) {
  return aes_gcm_.Wrap(session, key.handle, IdentityOf(kek, purpose), seed);
}

std::string KekOperations::WrapAndProve(const Session& session, HeldKey& key, const KekView& kek,
                                        Purpose purpose, ByteView seed) {
  std::string envelope = Wrap(session, key, kek, purpose, seed);
  try {
    const SecretBytes opened = Unwrap(session, key, kek, purpose, AsBytes(envelope));
    if (EqualInConstantTime(opened.view(), seed)) return envelope;
  } catch (const Error& error) {
    if (!MayBeRefusal(error.ckr())) throw;
    throw Error(Reason::kProofFailed,
                std::string("the token does not open what it has just wrapped: ") + error.what(),
                error.ckr());
  }
  throw Error(Reason::kProofFailed, "a wrap opened to other bytes than were wrapped");
}

SecretBytes KekOperations::Unwrap(const Session& session, HeldKey& key, const KekView& kek,
                                  Purpose purpose, ByteView envelope) {
  SecretBytes seed =
      aes_gcm_.Unwrap(session, key.handle, IdentityOf(kek, purpose), Envelope::Parse(envelope));
  key.proof.Proved();
  return seed;
}

void KekOperations::OpenCanary(const Session& session, HeldKey& key, const KekView& kek) {
  const SecretBytes opened = aes_gcm_.Unwrap(session, key.handle, IdentityOf(kek, Purpose::kCanary),
                                             Envelope::Parse(AsBytes(kek.canary)));
  if (!EqualInConstantTime(CanaryProof(opened.view()), kek.canary_proof)) {
    throw Error(Reason::kCiphertextRefused,
                "the canary opened to other bytes than its proof names");
  }
  key.proof.Proved();
  key.opens_canary = true;
}

std::string KekOperations::MakeCanary(const Session& session, HeldKey& key, const KekView& kek) {
  SecretBytes random(32);
  FillRandom({random.data(), random.size()});
  const std::string envelope = WrapAndProve(session, key, kek, Purpose::kCanary, random.view());
  const Digest proof = CanaryProof(random.view());
  return std::string(AsText(proof)) + envelope;
}

void KekOperations::ProveToken(const Session& session) {
  HeldKey throw_away;
  throw_away.handle = GenerateThrowAwayAesKey(session);
  const Bytes plaintext = RandomBytes(32);
  WrapAndProve(session, throw_away, KekView{}, Purpose::kSelfTest, plaintext);
  DestroyObject(session, throw_away.handle);
}

void KekOperations::SelfTest(SessionKeeper& keeper, HeldKey& key, const KekView& kek) {
  SecretBytes plaintext(32);
  FillRandom({plaintext.data(), plaintext.size()});
  const auto wrap = [&] {
    return WrapAndProve(keeper.session(), key, kek, Purpose::kSelfTest, plaintext.view());
  };
  const std::string first = wrap();
  const Envelope one = Envelope::Parse(AsBytes(first));
  const std::size_t iv_at = kEnvelopeHeaderSize;
  ExpectRefused(keeper, key, kek, Flipped(first, iv_at), "IV");
  ExpectRefused(keeper, key, kek, Flipped(first, iv_at + one.iv.size()), "ciphertext");
  ExpectRefused(keeper, key, kek, Flipped(first, first.size() - 1), "tag");
  KekView foreign = kek;
  foreign.key_id = "self-test.1.0000000000000000";
  ExpectRefused(keeper, key, foreign, first, "binding");
  // Last, for it also shows that the token still opens what is good.
  const std::string second = wrap();
  const Envelope other = Envelope::Parse(AsBytes(second));
  if (AsText(one.iv) == AsText(other.iv) || AsText(one.body) == AsText(other.body)) {
    throw Error(Reason::kProofFailed, "self-test: two wraps of equal bytes are alike");
  }
}

void KekOperations::ExpectRefused(SessionKeeper& keeper, HeldKey& key, const KekView& kek,
                                  const std::string& envelope, std::string_view what) {
  try {
    Unwrap(keeper.session(), key, kek, Purpose::kSelfTest, AsBytes(envelope));
  } catch (const Error& error) {
    if (!MayBeRefusal(error.ckr())) throw;
    keeper.Renew();
    return;
  }
  throw Error(Reason::kProofFailed, "self-test: the token opened a wrap with another " +
                                        std::string(what) +
                                        "; this token cannot authenticate and must not be used");
}

}  // namespace mortise::hsm
