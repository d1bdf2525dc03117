// SPDX-License-Identifier: Apache-2.0
// Which roles are on now: those of the control file and those of MORTISE_FAULT_ACT.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "test/support/fault_module/roles.h"

namespace mortise::test {

// Reads MORTISE_FAULT_ACT. Throws std::invalid_argument: no such role.
void ReadRolesOfEnvironment();

bool Plays(Act act);
bool Plays(Lie lie);

// The value of the rule for that attribute.
std::optional<std::uint64_t> RuleFor(std::uint64_t attribute, AttributeEffect effect);

std::size_t LabelLimit();  // 0: none
std::uint64_t AddedTokenFlags();
std::uint64_t MaxSessions();  // 0: the token's own

}  // namespace mortise::test
