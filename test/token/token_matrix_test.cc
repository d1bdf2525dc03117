// SPDX-License-Identifier: Apache-2.0
// One suite over every token: what the probe says of each scheme and IV mode, and that what it
// proves serves a keyring. What a token cannot do stands in token_matrix.cc, with the reason.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "hsm/cryptoki/module.h"
#include "test/support/running_keyring.h"
#include "test/token/token_matrix_keys.h"
#include "test/token/token_matrix_outcome.h"

namespace mortise::test {
namespace {

using hsm::ProbeResult;
using hsm::ProbeTable;
using testing::HasSubstr;

// The library in this process, logged in to the token.
struct LoadedToken {
  explicit LoadedToken(const TestToken& token)
      : config(token.ToConfig()),
        module(config.module, config.init_args),
        slot(hsm::FindToken(module, config.uri)),
        session(module, slot, config.read_write_sessions) {
    session.Login(hsm::ParseUserType(config.user_type), token.Pin().view());
  }

  config::Token config;
  hsm::Module module;
  CK_SLOT_ID slot;
  hsm::Session session;
};

class TokenProbeTest : public testing::TestWithParam<const MatrixToken*> {
 protected:
  TokenProbeTest() : outcome_(matrix_) {}
  void SetUp() override {
    if (const auto reason = matrix_.why_not()) GTEST_SKIP() << *reason;
    token_ = matrix_.make();
    token_->Export();
  }

  // Of an acted token only what is acted: the rest is the real token's below.
  ProbeTable Probe(const hsm::Session& session) const {
    if (matrix_.is_real()) return hsm::ProbeAll(session);
    ProbeTable table;
    for (const MatrixRow& row : matrix_.rows) {
      table.push_back(hsm::ProbeScheme(session, row.scheme, row.iv_mode));
    }
    return table;
  }

  const MatrixToken& matrix_ = *GetParam();
  const MatrixOutcome outcome_;
  std::unique_ptr<TestToken> token_;
};

TEST_P(TokenProbeTest, SaysOfEachSchemeAndIvModeWhatTheTableSays) {
  const LoadedToken loaded(*token_);
  const ProbeTable table = Probe(loaded.session);
  outcome_.WriteProbe(loaded.module.library(), hsm::DescribeToken(loaded.module, loaded.slot),
                      table);
  EXPECT_EQ(table.size(), matrix_.rows.size());
  for (const MatrixRow& row : matrix_.rows) {
    const auto result = std::ranges::find_if(table, [&](const ProbeResult& tried) {
      return tried.scheme == row.scheme && tried.iv_mode == row.iv_mode;
    });
    ASSERT_NE(result, table.end()) << NameOf(row);
    EXPECT_EQ(Name(result->verdict), Name(row.verdict)) << NameOf(row) << ": " << result->why;
    EXPECT_THAT(result->why, HasSubstr(row.why)) << NameOf(row);
  }
}

class TokenServiceTest : public testing::TestWithParam<MatrixCell> {
 protected:
  TokenServiceTest() : outcome_(GetParam()) {}
  void SetUp() override {
    if (const auto reason = matrix_.why_not()) GTEST_SKIP() << *reason;
    token_ = matrix_.make();
    token_->Export();
    MakeKek();
    running_.emplace(*token_, [&](config::Config& config) {
      config.state_dir = state_dir_;
      config.tokens.at(0).iv_mode = row_.iv_mode;
      config.keyrings = {keyring_};
    });
  }

  void MakeKek() {
    if (!row_.is_served_by_tool_keys) return CreateKek(*token_, keyring_, state_dir_, row_.scheme);
    keyring_.discovery = config::Discovery::kFile;
    keyring_.keys_file = folder_ / "keys.yaml";
    MakeKekByTool(*token_, keyring_, row_.scheme);
  }

  // Why it does not serve.
  std::string Problems() {
    const auto status = running_->keyring().Status();
    std::string problems = status->waiting_for;
    for (const auto& generation : status->generations) problems += "; " + generation.problem;
    for (const auto& token : status->tokens) problems += "; " + token.problem;
    return problems;
  }
  std::string Opened(const hsm::Wrapped& wrapped) {
    return ToHex(running_->Unwrap(wrapped.ciphertext, wrapped.key_id).view());
  }

  const MatrixToken& matrix_ = *GetParam().token;
  const MatrixRow& row_ = GetParam().row;
  const MatrixOutcome outcome_;
  std::unique_ptr<TestToken> token_;
  TempDir folder_;
  const std::string state_dir_ = folder_ / "state";
  config::Keyring keyring_ = MatrixKeyring(matrix_);
  std::optional<RunningKeyring> running_;
};

TEST_P(TokenServiceTest, ServesAKeyInTheTokenWithNoMoreWaivedThanTheTableSays) {
  ASSERT_TRUE(running_->WaitUntilServing(std::chrono::seconds(40))) << Problems();
  const Bytes seed(32, 0x5a);
  const hsm::Wrapped wrapped = running_->Wrap(seed);
  EXPECT_EQ(Opened(wrapped), ToHex(seed));
  running_->Restart();
  EXPECT_EQ(Opened(wrapped), ToHex(seed));
  running_.reset();

  const Findings findings = JudgeKek(*token_, keyring_, state_dir_, row_.scheme);
  for (const auto& [kind, wrong] : findings) {
    const auto expected = matrix_.findings.find(kind);
    const std::vector<std::string> none;
    EXPECT_EQ(wrong, expected == matrix_.findings.end() ? none : expected->second)
        << hsm::Describe(kind);
  }
  if (!HasFailure()) outcome_.WriteServed(row_, findings);
}

class TokenWithoutKeyTest : public testing::TestWithParam<MatrixCell> {};

TEST_P(TokenWithoutKeyTest, MakesNoKeyOfASchemeThatItProvesOnThrowAwayKeys) {
  const auto& [matrix, row] = GetParam();
  const MatrixOutcome outcome(GetParam());
  if (const auto reason = matrix->why_not()) GTEST_SKIP() << *reason;
  const std::unique_ptr<TestToken> token = matrix->make();
  token->Export();
  const TempDir folder;
  try {
    CreateKek(*token, MatrixKeyring(*matrix), folder / "state", row.scheme);
    FAIL() << "it makes one, so the table is to say that it serves";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr(row.why_no_key));
    outcome.WriteWithoutKey(row, error.what());
  }
}

std::string TestName(std::string name) {
  std::ranges::replace_if(
      name, [](char c) { return c == '-' || c == ' '; }, '_');
  return name;
}

std::vector<const MatrixToken*> AllTokens() {
  std::vector<const MatrixToken*> tokens;
  for (const MatrixToken& token : TokenMatrix()) tokens.push_back(&token);
  return tokens;
}

INSTANTIATE_TEST_SUITE_P(Matrix, TokenProbeTest, testing::ValuesIn(AllTokens()),
                         [](const auto& info) { return TestName(info.param->name); });
std::string CellName(const testing::TestParamInfo<MatrixCell>& info) {
  return TestName(info.param.token->name + " " + NameOf(info.param.row));
}
INSTANTIATE_TEST_SUITE_P(Matrix, TokenServiceTest, testing::ValuesIn(ServedCells()), CellName);
INSTANTIATE_TEST_SUITE_P(Matrix, TokenWithoutKeyTest, testing::ValuesIn(CellsWithoutKey()),
                         CellName);

}  // namespace
}  // namespace mortise::test
