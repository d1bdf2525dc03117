// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace mortise {

// For the first lines of every main: no core dump, no ptrace by an equal uid,
// no privilege gained by an exec. Exec makes a process dumpable again, so each
// executable calls this itself.
void HardenProcess();

}  // namespace mortise
