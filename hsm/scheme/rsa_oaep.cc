// SPDX-License-Identifier: Apache-2.0
#include "hsm/scheme/rsa_oaep.h"

#include "hsm/scheme/authenticator.h"
#include "hsm/scheme/output_room.h"
#include "hsm/scheme/payload.h"
#include "hsm/scheme/refusal.h"
#include "hsm/scheme/scheme_facts.h"

namespace mortise::hsm {
namespace {

constexpr std::size_t kMacSize = 32;
constexpr std::size_t kSignatureSize = 64;

CK_RSA_PKCS_OAEP_PARAMS Parameters(OaepHash hash) {
  const bool is_sha1 = hash == OaepHash::kSha1;
  return {
      .hashAlg = is_sha1 ? CKM_SHA_1 : CKM_SHA256,
      .mgf = is_sha1 ? CKG_MGF1_SHA1 : CKG_MGF1_SHA256,
      .source = CKZ_DATA_SPECIFIED,
      .pSourceData = nullptr,
      .ulSourceDataLen = 0,
  };
}

}  // namespace

RsaOaep::RsaOaep(SchemeId scheme)
    : scheme_(scheme),
      hash_(scheme == SchemeId::kRsaOaepHmacSha1 || scheme == SchemeId::kRsaOaepSignSha1
                ? OaepHash::kSha1
                : OaepHash::kSha256),
      is_signed_(FactsOf(scheme).authenticator == KeyRole::kSigner) {}

std::string RsaOaep::Wrap(const Session& session, const KekObjects& kek,
                          const WrapIdentity& identity, ByteView seed) {
  if (identity.forbids_caller_iv) {
    throw Error(Reason::kKeyRefused,
                "policy mode fips forbids wrapping in software, which RSA-OAEP does; use another "
                "scheme, or set policy.mode to strict");
  }
  const SecretBytes payload = BoundPayload(BindingOf(identity), seed);
  const std::string body = kek.wrap_public->OaepEncrypt(hash_, payload.view());
  const Bytes message = SignedMessage(identity, AsBytes(body));
  if (!is_signed_) {
    return Serialize(scheme_, {}, AsBytes(body), MacInToken(session, kek.authenticator, message));
  }
  const auto tag = SignInToken(session, kek.authenticator, *kek.signer_public, message);
  return Serialize(scheme_, {}, AsBytes(body), tag);
}

SecretBytes RsaOaep::Unwrap(const Session& session, const KekObjects& kek,
                            const WrapIdentity& identity, const Envelope& envelope) {
  const PublicKey& wrap_public = *kek.wrap_public;
  if (envelope.scheme != scheme_ || envelope.body.size() != wrap_public.modulus_size() ||
      !wrap_public.IsBelowModulus(envelope.body) ||
      !IsAuthentic(session, kek, identity, envelope)) {
    RefuseCiphertext();
  }
  CK_RSA_PKCS_OAEP_PARAMS parameters = Parameters(hash_);
  OutputRoom room;
  const std::size_t size = session.Decrypt({CKM_RSA_PKCS_OAEP, &parameters, sizeof(parameters)},
                                           kek.wrap, envelope.body, room.span());
  return OpenBoundPayload(BindingOf(identity), room.AtMostAll(size, "C_Decrypt"));
}

bool RsaOaep::IsAuthentic(const Session& session, const KekObjects& kek,
                          const WrapIdentity& identity, const Envelope& envelope) const {
  const Bytes message = SignedMessage(identity, envelope.body);
  if (is_signed_) return kek.signer_public->Verifies(message, envelope.tag);
  return EqualInConstantTime(MacInToken(session, kek.authenticator, message), envelope.tag);
}

Bytes RsaOaep::SignedMessage(const WrapIdentity& identity, ByteView body) const {
  constexpr std::string_view kDomain("mortise.rsa-oaep.v1\0", 20);
  Bytes message(kDomain.begin(), kDomain.end());
  const Digest binding = BindingOf(identity);
  message.insert(message.end(), binding.begin(), binding.end());
  message.insert(message.end(), body.begin(), body.end());
  return message;
}

Digest RsaOaep::BindingOf(const WrapIdentity& identity) const {
  return BindingFor(identity, EnvelopeHeader(scheme_, 0, is_signed_ ? kSignatureSize : kMacSize));
}

}  // namespace mortise::hsm
