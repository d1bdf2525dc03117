// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "hsm/acceptance.h"

namespace mortise::hsm {

// Judge's counterpart for `discovery: file`. People have reviewed which key is which generation,
// so gaps, latecomers and foreign labels are no reason for doubt. What stays is what the file
// cannot say: that an entry means one object, that a generation is still the key it was on this
// node, and that it is no copy of another one.
std::map<std::string, Verdict> JudgeListed(const std::vector<Candidate>& candidates,
                                           const AcceptanceFacts& facts);

}  // namespace mortise::hsm
