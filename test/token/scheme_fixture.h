// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>

#include "base/random.h"
#include "hsm/cryptoki/key_generation.h"
#include "hsm/cryptoki/slot.h"
#include "hsm/scheme/scheme.h"
#include "test/support/matchers.h"
#include "test/support/softhsm_token.h"

namespace mortise::test {

// A SoftHSM2 token behind the fault module, which can play other vendors' tokens. What is
// wrapped here is wrapped by keys that are gone with the session.
class SchemeTest : public ::testing::Test {
 protected:
  using Scheme = hsm::Scheme;

  // `roles` as in fault_module/README.md; before anything else is called.
  void Open(std::string_view roles = {}) {
    token_.Export();
    if (!roles.empty()) token_.faults().Play(roles);
    module_.emplace(SoftHsmToken::FaultModule());
    slot_ = hsm::FindToken(*module_, token_.uri());
    anchor_.emplace(*module_, slot_, true);
    anchor_->Login(CKU_USER, token_.Pin().view());
  }

  std::string Wrap(Scheme& scheme) { return scheme.Wrap(*anchor_, kek_, identity_, seed_); }
  // In a session of its own, because a failure spoils it.
  std::string Unwrap(Scheme& scheme, const std::string& envelope,
                     const hsm::WrapIdentity& identity) {
    const hsm::Session session = anchor_->Another();
    return ToHex(
        scheme.Unwrap(session, kek_, identity, hsm::Envelope::Parse(AsBytes(envelope))).view());
  }
  std::string Unwrap(Scheme& scheme, const std::string& envelope) {
    return Unwrap(scheme, envelope, identity_);
  }

  // Whether nothing of it opens; what the worker makes of an ambiguous code is another test's.
  bool IsRefused(Scheme& scheme, const std::string& envelope, const hsm::WrapIdentity& identity) {
    return testing::Value(
        [&] { Unwrap(scheme, envelope, identity); },
        ThrowsOneOf(testing::AnyOf(Reason::kCiphertextRefused, Reason::kInternal)));
  }
  bool IsRefused(Scheme& scheme, const std::string& envelope) {
    return IsRefused(scheme, envelope, identity_);
  }

  static std::string Flipped(std::string envelope, std::size_t at) {
    envelope[at] = static_cast<char>(envelope[at] ^ 1);
    return envelope;
  }

  // Every byte of IV, body and tag, and everything that the binding says.
  void ExpectNothingElseOpens(Scheme& scheme) {
    const std::string envelope = Wrap(scheme);
    for (std::size_t i = hsm::kEnvelopeHeaderSize; i < envelope.size(); ++i) {
      EXPECT_TRUE(IsRefused(scheme, Flipped(envelope, i))) << "byte " << i;
    }
    for (const hsm::Purpose purpose : {hsm::Purpose::kCanary, hsm::Purpose::kSelfTest}) {
      EXPECT_TRUE(IsRefused(scheme, envelope,
                            {purpose, identity_.keyring, identity_.context, identity_.key_id}));
    }
    EXPECT_TRUE(IsRefused(scheme, envelope,
                          {identity_.purpose, "test", identity_.context, identity_.key_id}));
    EXPECT_TRUE(IsRefused(scheme, envelope,
                          {identity_.purpose, identity_.keyring, "other", identity_.key_id}));
    EXPECT_TRUE(IsRefused(scheme, envelope,
                          {identity_.purpose, identity_.keyring, identity_.context, "prod.2.ab"}));
  }

  void ExpectEverySeedOpens(Scheme& scheme) {
    for (std::size_t n = 1; n <= hsm::kMaxSeedSize; ++n) {
      seed_ = RandomBytes(n);
      EXPECT_EQ(Unwrap(scheme, Wrap(scheme)), ToHex(seed_)) << n << " bytes";
    }
  }

  std::uint64_t CallsOf(const std::function<void()>& action) {
    const auto before = token_.faults().Calls();
    action();
    std::uint64_t sum = 0;
    for (const auto& [function, count] : token_.faults().CallsSince(before)) sum += count;
    return sum;
  }
  // Counted in the anchor's session: opening another one is a call, too.
  std::uint64_t CallsOfWrap(Scheme& scheme) {
    return CallsOf([&] { Wrap(scheme); });
  }
  std::uint64_t CallsOfUnwrap(Scheme& scheme) {
    const std::string envelope = Wrap(scheme);
    const hsm::Envelope parsed = hsm::Envelope::Parse(AsBytes(envelope));
    return CallsOf([&] { scheme.Unwrap(*anchor_, kek_, identity_, parsed); });
  }

  hsm::WrapIdentity identity_{hsm::Purpose::kSeed, "prod", "cluster-a", "prod.1.0123456789abcdef"};
  Bytes seed_ = RandomBytes(32);
  SoftHsmToken token_;
  std::optional<hsm::Module> module_;
  CK_SLOT_ID slot_ = 0;
  std::optional<hsm::Session> anchor_;  // keeps the login and the keys
  hsm::KekObjects kek_;
};

}  // namespace mortise::test
