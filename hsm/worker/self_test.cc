// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/self_test.h"

#include "base/error.h"
#include "base/random.h"
#include "hsm/cryptoki/return_codes.h"

namespace mortise::hsm {
namespace {

std::string Flipped(std::string envelope, std::size_t at) {
  envelope[at] = static_cast<char>(envelope[at] ^ 1);
  return envelope;
}

void ExpectRefused(SessionKeeper& keeper, const TestedKek& kek, const std::string& envelope,
                   std::string_view what) {
  try {
    kek.scheme.Unwrap(keeper.session(), kek.objects, kek.identity,
                      Envelope::Parse(AsBytes(envelope)));
  } catch (const Error& error) {
    // Refused here, not by the token, so its session is sound.
    if (error.ckr() == CKR_OK && error.reason() == Reason::kCiphertextRefused) return;
    if (!MayBeRefusal(error.ckr())) throw;
    keeper.Renew();
    return;
  }
  throw Error(Reason::kProofFailed, "self-test: the token opened a wrap with another " +
                                        std::string(what) +
                                        "; this token cannot authenticate and must not be used");
}

void RequireDifferent(const TestedKek& kek, const std::string& first, const std::string& second) {
  if (FactsOf(kek.id).is_deterministic) return;
  const Envelope one = Envelope::Parse(AsBytes(first));
  const Envelope other = Envelope::Parse(AsBytes(second));
  const bool is_same_iv = !one.iv.empty() && AsText(one.iv) == AsText(other.iv);
  if (is_same_iv || AsText(one.body) == AsText(other.body)) {
    throw Error(Reason::kProofFailed, "self-test: two wraps of equal bytes are alike");
  }
}

}  // namespace

std::string WrapAndOpen(const Session& session, const TestedKek& kek, ByteView seed) {
  std::string envelope = kek.scheme.Wrap(session, kek.objects, kek.identity, seed);
  try {
    const SecretBytes opened =
        kek.scheme.Unwrap(session, kek.objects, kek.identity, Envelope::Parse(AsBytes(envelope)));
    if (EqualInConstantTime(opened.view(), seed)) return envelope;
  } catch (const Error& error) {
    const bool refused_here = error.reason() == Reason::kCiphertextRefused;
    if (!refused_here && !MayBeRefusal(error.ckr())) throw;
    throw Error(Reason::kProofFailed,
                std::string("the token does not open what it has just wrapped: ") + error.what(),
                error.ckr());
  }
  throw Error(Reason::kProofFailed, "a wrap opened to other bytes than were wrapped");
}

void SelfTest(SessionKeeper& keeper, const TestedKek& kek) {
  SecretBytes plaintext(32);
  FillRandom({plaintext.data(), plaintext.size()});
  const std::string first = WrapAndOpen(keeper.session(), kek, plaintext.view());
  const std::size_t body_at = kEnvelopeHeaderSize + Envelope::Parse(AsBytes(first)).iv.size();
  // The last bit of the IV: of CBC it is one of the seed, whose form would betray no other.
  if (body_at > kEnvelopeHeaderSize) {
    ExpectRefused(keeper, kek, Flipped(first, body_at - 1), "IV");
  }
  ExpectRefused(keeper, kek, Flipped(first, body_at), "ciphertext");
  // Where the token puts its IV first in the body, that is no ciphertext yet.
  ExpectRefused(keeper, kek, Flipped(first, (body_at + first.size()) / 2), "ciphertext");
  ExpectRefused(keeper, kek, Flipped(first, first.size() - 1), "tag");
  TestedKek foreign = kek;
  foreign.identity.key_id = "self-test.1.0000000000000000";
  ExpectRefused(keeper, foreign, first, "binding");
  // Last, for it also shows that the token still opens what is good.
  RequireDifferent(kek, first, WrapAndOpen(keeper.session(), kek, plaintext.view()));
}

}  // namespace mortise::hsm
