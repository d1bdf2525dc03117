// SPDX-License-Identifier: Apache-2.0
// RSA-OAEP has no authenticity of its own: anyone with the public key can wrap a seed. What a
// keyring opens must have been wrapped by the token.
#include <gtest/gtest.h>

#include "base/random.h"
#include "hsm/cryptoki/attributes.h"
#include "hsm/cryptoki/slot.h"
#include "hsm/scheme/payload.h"
#include "hsm/scheme/public_half.h"
#include "test/support/key_maker.h"
#include "test/support/matchers.h"
#include "test/support/running_keyring.h"

namespace mortise::hsm {
namespace {

using test::MakeKey;
using test::RunningKeyring;
using test::SoftHsmToken;
using test::ThrowsError;

class ForgeryTest : public ::testing::TestWithParam<SchemeId> {
 protected:
  ForgeryTest() {
    MakeKey(token_, {.scheme = GetParam()});
    running_.emplace(token_);
    EXPECT_TRUE(running_->WaitUntilServing());
    token_.Export();
    const Module module(SoftHsmToken::Module());
    const Session session(module, FindToken(module, token_.uri()), true);
    session.Login(CKU_USER, token_.Pin().view());
    public_key_ = ReadPublicHalf(session, FindPrivateKeys(session, CKO_PRIVATE_KEY, CKK_RSA).at(0));
  }

  // All of it is right but for the tag.
  std::string Forged(const std::string& key_id, ByteView tag) const {
    const WrapIdentity identity{Purpose::kSeed, "prod", "cluster-a", key_id};
    const Digest binding = BindingFor(identity, EnvelopeHeader(GetParam(), 0, tag.size()));
    const SecretBytes payload = BoundPayload(binding, seed_);
    const std::string body = public_key_->OaepEncrypt(OaepHash::kSha1, payload.view());
    return Serialize(GetParam(), {}, AsBytes(body), tag);
  }

  SoftHsmToken token_;
  std::optional<RunningKeyring> running_;
  std::optional<PublicKey> public_key_;
  const Bytes seed_ = Bytes(32, 0x5a);
};

TEST_P(ForgeryTest, NothingThatIsMadeWithThePublicKeyAloneIsOpened) {
  const Wrapped genuine = running_->Wrap(Bytes(32, 0x11));
  const Envelope envelope = Envelope::Parse(AsBytes(genuine.ciphertext));
  const std::size_t size = envelope.tag.size();
  const Bytes borrowed(envelope.tag.begin(), envelope.tag.end());
  for (const Bytes& tag : {Bytes(size, 0), Bytes(size, 0xff), RandomBytes(size), borrowed}) {
    EXPECT_THAT([&] { running_->Unwrap(Forged(genuine.key_id, tag), genuine.key_id); },
                ThrowsError(Reason::kCiphertextRefused));
  }
  EXPECT_EQ(ToHex(running_->Unwrap(genuine.ciphertext, genuine.key_id).view()),
            ToHex(Bytes(32, 0x11)));
}

INSTANTIATE_TEST_SUITE_P(Schemes, ForgeryTest,
                         ::testing::Values(SchemeId::kRsaOaepHmacSha1, SchemeId::kRsaOaepSignSha1));

}  // namespace
}  // namespace mortise::hsm
