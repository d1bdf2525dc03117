// SPDX-License-Identifier: Apache-2.0
#include "hsm/generation.h"

#include <algorithm>

namespace mortise::hsm {

bool Generation::IsProvedAnywhere() const {
  return std::ranges::any_of(on, [](const Held& held) { return held.holding == Holding::kProved; });
}

std::string Generation::WrapProblem() const {
  if (verdict.standing != Standing::kAccepted) return verdict.why;
  for (const Held& held : on) {
    if (held.holding != Holding::kAbsent && !held.wrap_problem.empty()) return held.wrap_problem;
  }
  return {};
}

}  // namespace mortise::hsm
