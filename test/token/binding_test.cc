// SPDX-License-Identifier: Apache-2.0
// What one KEK wrapped opens under exactly the circumstances it was wrapped for.
#include <gtest/gtest.h>

#include <optional>

#include "hsm/cryptoki/key_generation.h"
#include "hsm/cryptoki/slot.h"
#include "hsm/scheme/aes_gcm.h"
#include "test/support/matchers.h"
#include "test/support/softhsm_token.h"

namespace mortise::hsm {
namespace {

using test::SoftHsmToken;
using test::ThrowsOneOf;

class WrappedSeedTest : public ::testing::Test {
 protected:
  WrappedSeedTest() {
    token_.Export();
    module_.emplace(SoftHsmToken::Module());
    slot_ = FindToken(*module_, token_.uri());
    anchor_.emplace(*module_, slot_, true);
    anchor_->Login(CKU_USER, token_.Pin().view());
    key_ = GenerateAesKey(*anchor_, "kek", Bytes(16, 7), CKM_AES_GCM);
    wrapped_ = scheme_.Wrap(*anchor_, {.wrap = key_}, wrapped_for_, seed_);
  }

  // In a session of its own, because a failure spoils it.
  std::string OpenedFor(const WrapIdentity& identity) {
    const Session session(*module_, slot_, true);
    return ToHex(
        scheme_.Unwrap(session, {.wrap = key_}, identity, Envelope::Parse(AsBytes(wrapped_)))
            .view());
  }

  // SoftHSM2 says of a tag that does not fit only that something is wrong; what the worker
  // makes of such a code is another test's.
  bool IsRefusedTo(const WrapIdentity& identity) {
    return testing::Value(
        [&] { OpenedFor(identity); },
        ThrowsOneOf(testing::AnyOf(Reason::kCiphertextRefused, Reason::kInternal)));
  }

  const WrapIdentity wrapped_for_{Purpose::kSeed, "prod", "cluster-a", "prod.1.0123456789abcdef"};
  const Bytes seed_ = Bytes(32, 0x5a);
  SoftHsmToken token_;
  std::optional<Module> module_;
  CK_SLOT_ID slot_ = 0;
  std::optional<Session> anchor_;  // keeps the login
  CK_OBJECT_HANDLE key_ = CK_INVALID_HANDLE;
  AesGcm scheme_{config::IvMode::kCaller};
  std::string wrapped_;
};

TEST_F(WrappedSeedTest, OpensForWhatItWasWrapped) {
  EXPECT_EQ(OpenedFor(wrapped_for_), ToHex(seed_));
}

TEST_F(WrappedSeedTest, IsRefusedToAnotherClustersContextUnderTheSameKek) {
  WrapIdentity other = wrapped_for_;
  other.context = "cluster-b";
  EXPECT_TRUE(IsRefusedTo(other));
}

TEST_F(WrappedSeedTest, IsRefusedToAnotherKeyringOrKeyIdUnderTheSameKek) {
  WrapIdentity other = wrapped_for_;
  other.keyring = "test";
  EXPECT_TRUE(IsRefusedTo(other));
  other = wrapped_for_;
  other.key_id = "prod.2.0123456789abcdef";
  EXPECT_TRUE(IsRefusedTo(other));
}

TEST_F(WrappedSeedTest, IsNoCanaryAndNoSelfTest) {
  for (const Purpose purpose : {Purpose::kCanary, Purpose::kSelfTest}) {
    WrapIdentity other = wrapped_for_;
    other.purpose = purpose;
    EXPECT_TRUE(IsRefusedTo(other));
  }
}

}  // namespace
}  // namespace mortise::hsm
