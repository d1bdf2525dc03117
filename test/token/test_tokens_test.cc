// SPDX-License-Identifier: Apache-2.0
// Every make of token that a test can have is really there: it loads, is found by its
// URI, lets its user in and does something.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "hsm/cryptoki/attributes.h"
#include "hsm/cryptoki/module.h"
#include "hsm/cryptoki/session.h"
#include "hsm/cryptoki/slot.h"
#include "test/support/test_tokens.h"

namespace mortise::hsm {
namespace {

using test::TokenKind;
using testing::AllOf;
using testing::AnyOf;
using testing::Ge;
using testing::Le;

std::vector<CK_OBJECT_HANDLE> FindObjects(const Session& session, CK_OBJECT_CLASS object_class,
                                          std::string label) {
  std::array<CK_ATTRIBUTE, 2> wanted = {
      CK_ATTRIBUTE{CKA_CLASS, &object_class, sizeof(object_class)},
      CK_ATTRIBUTE{CKA_LABEL, label.data(), label.size()}};
  std::array<CK_OBJECT_HANDLE, 8> found{};
  CK_ULONG count = 0;
  EXPECT_EQ(session.p11().C_FindObjectsInit(session.handle(), wanted.data(), wanted.size()),
            CKR_OK);
  EXPECT_EQ(session.p11().C_FindObjects(session.handle(), found.data(), found.size(), &count),
            CKR_OK);
  EXPECT_EQ(session.p11().C_FindObjectsFinal(session.handle()), CKR_OK);
  return {found.begin(), found.begin() + static_cast<std::ptrdiff_t>(count)};
}

void GenerateAesKey(const Session& session, std::string label) {
  CK_BBOOL yes = CK_TRUE;
  CK_ULONG size = 32;
  std::array<CK_ATTRIBUTE, 5> wanted = {CK_ATTRIBUTE{CKA_TOKEN, &yes, sizeof(yes)},
                                        CK_ATTRIBUTE{CKA_PRIVATE, &yes, sizeof(yes)},
                                        CK_ATTRIBUTE{CKA_ENCRYPT, &yes, sizeof(yes)},
                                        CK_ATTRIBUTE{CKA_VALUE_LEN, &size, sizeof(size)},
                                        CK_ATTRIBUTE{CKA_LABEL, label.data(), label.size()}};
  CK_MECHANISM mechanism{CKM_AES_KEY_GEN, nullptr, 0};
  CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
  ASSERT_EQ(
      session.p11().C_GenerateKey(session.handle(), &mechanism, wanted.data(), wanted.size(), &key),
      CKR_OK);
}

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

  EXPECT_THAT(description.max_sessions, AnyOf(0U, AllOf(Ge(4U), Le(1024U))));

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

// A number is read in another way than a text: NSS is strict about the room for it.
TEST_P(TestTokens, TellsTheTypeAndTheLabelOfATokenKey) {
  std::string label = "an-aes-key";
  const bool made = token_->MakeKeyByTool(test::ToolKey::kAes256, label, "k1");
  module_.reset();  // a token may look for its objects once only
  module_.emplace(config_.module, config_.init_args);
  const Session session(*module_, slot_, config_.read_write_sessions);
  session.Login(ParseUserType(config_.user_type), token_->Pin().view());
  if (!made) GenerateAesKey(session, label);

  const auto found = FindObjects(session, CKO_SECRET_KEY, label);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(ReadUlong(session, found.front(), CKA_CLASS), CKO_SECRET_KEY);
  EXPECT_EQ(ReadUlong(session, found.front(), CKA_KEY_TYPE), CKK_AES);
  EXPECT_EQ(ReadUlong(session, found.front(), CKA_VALUE_LEN), 32U);
  EXPECT_EQ(ReadBool(session, found.front(), CKA_TOKEN), true);
  EXPECT_EQ(ReadBytes(session, found.front(), CKA_LABEL), Bytes(label.begin(), label.end()));
}

class TokenWithATool : public TestTokens {};

TEST_P(TokenWithATool, ShowsTheKeysThatItHasMade) {
  for (const auto& [kind, label] : {std::pair{test::ToolKey::kAes256, "an-aes-key"},
                                    {test::ToolKey::kHmacSha256, "an-hmac-key"},
                                    {test::ToolKey::kRsa3072, "an-rsa-key"}}) {
    ASSERT_TRUE(token_->MakeKeyByTool(kind, label, "k1"));
  }
  module_.reset();  // it looks once, when it is initialised
  module_.emplace(config_.module, config_.init_args);
  const Session session(*module_, slot_, config_.read_write_sessions);
  session.Login(ParseUserType(config_.user_type), token_->Pin().view());
  EXPECT_EQ(FindObjects(session, CKO_SECRET_KEY, "an-aes-key").size(), 1U);
  EXPECT_EQ(FindObjects(session, CKO_SECRET_KEY, "an-hmac-key").size(), 1U);
  EXPECT_EQ(FindObjects(session, CKO_PRIVATE_KEY, "an-rsa-key").size(), 1U);
  EXPECT_EQ(FindObjects(session, CKO_PUBLIC_KEY, "an-rsa-key").size(), 1U);
}

std::string NameOf(const testing::TestParamInfo<TokenKind>& info) {
  std::string name = info.param.name;
  std::ranges::replace(name, '-', '_');
  return name;
}

std::vector<TokenKind> WithATool() {
  std::vector<TokenKind> kinds = test::TokenKinds();
  std::erase_if(kinds, [](const TokenKind& kind) { return kind.name != "tpm2"; });
  return kinds;
}

INSTANTIATE_TEST_SUITE_P(Real, TestTokens, testing::ValuesIn(test::TokenKinds()), NameOf);
INSTANTIATE_TEST_SUITE_P(Real, TokenWithATool, testing::ValuesIn(WithATool()), NameOf);

}  // namespace
}  // namespace mortise::hsm
