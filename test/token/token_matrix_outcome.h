// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "hsm/cryptoki/slot.h"
#include "test/token/token_matrix.h"

namespace mortise::test {

// What came out of one test of the matrix, as a line of JSON in a file of its own in the build
// tree: tokens_page.py makes docs/tokens.md of these. The file of an earlier run is gone as
// soon as this object is there, so that the page never shows what this run did not see.
class MatrixOutcome {
 public:
  explicit MatrixOutcome(const MatrixToken& token);  // of the probe
  explicit MatrixOutcome(const MatrixCell& cell);    // of serving

  void WriteProbe(const std::string& library, const hsm::TokenDescription& description,
                  const hsm::ProbeTable& table) const;
  // With what had to be waived for it.
  void WriteServed(const MatrixRow& row, const Findings& findings) const;
  // No key of it could be made.
  void WriteWithoutKey(const MatrixRow& row, const std::string& why) const;

 private:
  void RemoveOld() const;

  const MatrixToken& token_;
  std::string file_;
};

}  // namespace mortise::test
