// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "test/support/test_token.h"

namespace mortise::test {

// A make of token that tests can run on.
struct TokenKind {
  std::string name;
  // One sentence when this machine cannot have it: the reason for a skip.
  std::optional<std::string> (*why_not)();
  std::unique_ptr<TestToken> (*make)();
};

// For test names and failures.
void PrintTo(const TokenKind& kind, std::ostream* out);

// Every make there is: softhsm, nss, nss-fips, ...
const std::vector<TokenKind>& TokenKinds();

}  // namespace mortise::test
