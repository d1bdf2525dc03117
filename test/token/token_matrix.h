// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "hsm/scheme/scheme_facts.h"
#include "hsm/worker/scheme_probe.h"
#include "test/support/test_tokens.h"

namespace mortise::test {

// What is expected of one scheme, and one IV mode, on one token.
struct MatrixRow {
  hsm::SchemeId scheme;
  config::IvMode iv_mode;
  hsm::ProbeVerdict verdict;
  std::string why;  // the words that the reason must have; empty where it is proved
  // The token makes no keys for the product, but its maker's tool does, and they serve.
  bool is_served_by_tool_keys = false;
  // It is proved on throw-away keys, and no token key of it can be made: the words of why.
  std::string why_no_key = "";
  std::string remark = "";  // for the page, where the reason does not speak for itself

  bool IsServed() const {
    return is_served_by_tool_keys || (verdict == hsm::ProbeVerdict::kProved && why_no_key.empty());
  }
};

// What the token reports of its own new keys against the attribute policy, so that it must be
// waived before they wrap: "CKA_LOCAL fail", "CKA_DERIVE not_reported".
using Findings = std::map<hsm::ObjectKind, std::vector<std::string>>;

// A token of the matrix: a real one, or one that the fault module acts.
struct MatrixToken {
  std::string name;
  std::string acted_after;  // whose documented behaviour is acted; empty: it is real
  std::optional<std::string> (*why_not)();
  std::unique_ptr<TestToken> (*make)();
  std::vector<MatrixRow> rows;
  Findings findings = {};

  bool is_real() const { return acted_after.empty(); }
};

void PrintTo(const MatrixToken* token, std::ostream* out);

// The matrix: all tokens, and all that is expected of them. docs/tokens.md shows what came out.
const std::vector<MatrixToken>& TokenMatrix();

// One token and one row of it.
struct MatrixCell {
  const MatrixToken* token;
  MatrixRow row;
};
void PrintTo(const MatrixCell& cell, std::ostream* out);
// Those that a keyring can be served with.
std::vector<MatrixCell> ServedCells();
// Those that are proved, and of which no key can be made.
std::vector<MatrixCell> CellsWithoutKey();

std::string_view WordFor(config::IvMode mode);  // as in mortise.yaml
std::string NameOf(const MatrixRow& row);       // "aes-gcm caller", for messages

}  // namespace mortise::test
