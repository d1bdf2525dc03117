// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "doctor/check.h"

namespace mortise::doctor {

// "fail swap", one a check: what a test compares.
inline std::vector<std::string> Verdicts(const CheckList& list) {
  std::vector<std::string> verdicts;
  for (const Check& check : list.checks()) {
    verdicts.push_back(std::string(Name(check.status)) + " " + check.id);
  }
  return verdicts;
}

// The first check that is no pass, "what | hint"; empty if all passed.
inline std::string FirstProblem(const CheckList& list) {
  for (const Check& check : list.checks()) {
    if (check.status != CheckStatus::kPass) return check.what + " | " + check.hint;
  }
  return {};
}

}  // namespace mortise::doctor
