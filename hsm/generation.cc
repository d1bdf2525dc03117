// SPDX-License-Identifier: Apache-2.0
#include "hsm/generation.h"

#include <algorithm>

namespace mortise::hsm {

bool Generation::IsProvedAnywhere() const {
  return std::ranges::any_of(on, [](const Held& held) { return held.holding == Holding::kProved; });
}

std::string Generation::WrapProblem() const {
  if (verdict.standing != Standing::kAccepted) return verdict.why;
  std::string self_test_problem;
  bool may_pass = false;
  const bool is_proved = IsProvedAnywhere();
  for (const Held& held : on) {
    // What material that may be another under this name looks like says nothing of the key.
    if (held.holding != Holding::kProved && (is_proved || held.holding != Holding::kUnproved))
      continue;
    if (!held.wrap_problem.empty()) return held.wrap_problem;
    may_pass |= held.self_test_problem.empty();
    if (self_test_problem.empty()) self_test_problem = held.self_test_problem;
  }
  return may_pass ? std::string() : self_test_problem;
}

}  // namespace mortise::hsm
