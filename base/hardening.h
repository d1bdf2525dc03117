// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace mortise {

// The dynamic linker looks a library's symbol up when it is first called, and saves the
// vector registers on the stack meanwhile; a seed that was just copied is in them, and stays
// there for good. This starts the program again, in the same process, with all symbols
// bound at its start. Before HardenProcess, which an exec would undo. Returns if that has
// happened already, or cannot.
inline constexpr char kBindSymbolsAtStart[] = "LD_BIND_NOW=1";
void BindSymbolsAtStart(char** argv);

// For the first lines of every main: no core dump, no ptrace by an equal uid,
// no privilege gained by an exec. Exec makes a process dumpable again, so each
// executable calls this itself.
void HardenProcess();

}  // namespace mortise
