// SPDX-License-Identifier: Apache-2.0
// Every make of token that a test can have is really there: it loads, is found by its
// URI, lets its user in and does something.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "hsm/cryptoki/module.h"
#include "hsm/cryptoki/session.h"
#include "hsm/cryptoki/slot.h"
#include "test/support/test_tokens.h"

namespace mortise::hsm {
namespace {

using test::TokenKind;

class TestTokens : public testing::TestWithParam<TokenKind> {
 protected:
  void SetUp() override {
    if (const auto reason = GetParam().why_not()) GTEST_SKIP() << *reason;
    token_ = GetParam().make();
    config_ = token_->ToConfig();
    token_->Export();
    module_.emplace(config_.module, config_.init_args);
    slot_ = FindToken(*module_, config_.uri);
  }

  std::unique_ptr<test::TestToken> token_;
  config::Token config_;
  std::optional<Module> module_;
  CK_SLOT_ID slot_ = 0;
};

TEST_P(TestTokens, IsFoundByItsUriAndLetsItsUserIn) {
  EXPECT_EQ(token_->name(), GetParam().name);
  const TokenDescription description = DescribeToken(*module_, slot_);
  fmt::print("{}: library {}, token {} of {}, model {}, serial {}, firmware {}, flags {:#x}\n",
             token_->name(), module_->library(), description.label, description.manufacturer,
             description.model, description.serial, description.firmware, description.flags);

  const Session session(*module_, slot_, config_.read_write_sessions);
  session.Login(ParseUserType(config_.user_type), token_->Pin().view());
  CK_SESSION_INFO info{};
  ASSERT_EQ(module_->p11().C_GetSessionInfo(session.handle(), &info), CKR_OK);
  EXPECT_EQ(info.state, CKS_RW_USER_FUNCTIONS);
}

TEST_P(TestTokens, RefusesAnotherPin) {
  const Session session(*module_, slot_, config_.read_write_sessions);
  const std::string wrong = "Wr0ngPin";
  try {
    session.Login(ParseUserType(config_.user_type), AsBytes(wrong));
    FAIL() << "a wrong PIN was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.reason(), Reason::kPinRejected) << error.what();
  }
}

TEST_P(TestTokens, GivesRandomBytes) {
  const Session session(*module_, slot_, config_.read_write_sessions);
  session.Login(ParseUserType(config_.user_type), token_->Pin().view());
  std::array<std::uint8_t, 16> once{};
  std::array<std::uint8_t, 16> again{};
  session.FillRandom(once);
  session.FillRandom(again);
  EXPECT_NE(once, again);
}

TEST_P(TestTokens, ListsItsMechanismsWithTheirUses) {
  const CK_FUNCTION_LIST& p11 = module_->p11();
  CK_ULONG count = 0;
  ASSERT_EQ(p11.C_GetMechanismList(slot_, nullptr, &count), CKR_OK);
  std::vector<CK_MECHANISM_TYPE> mechanisms(count);
  ASSERT_EQ(p11.C_GetMechanismList(slot_, mechanisms.data(), &count), CKR_OK);
  mechanisms.resize(count);
  std::ranges::sort(mechanisms);

  bool encrypts = false;
  for (const CK_MECHANISM_TYPE mechanism : mechanisms) {
    CK_MECHANISM_INFO info{};
    ASSERT_EQ(p11.C_GetMechanismInfo(slot_, mechanism, &info), CKR_OK) << mechanism;
    fmt::print("{}: mechanism {:#x}, keys {} to {}, flags {:#x}\n", token_->name(), mechanism,
               info.ulMinKeySize, info.ulMaxKeySize, info.flags);
    encrypts = encrypts || (info.flags & CKF_ENCRYPT) != 0;
  }
  EXPECT_TRUE(encrypts);
}

INSTANTIATE_TEST_SUITE_P(Real, TestTokens, testing::ValuesIn(test::TokenKinds()),
                         [](const auto& info) {
                           std::string name = info.param.name;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace mortise::hsm
