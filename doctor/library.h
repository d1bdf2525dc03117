// SPDX-License-Identifier: Apache-2.0
// Category library: the vendor's PKCS#11 module, read as a file and never run.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "doctor/check.h"
#include "doctor/linker.h"

namespace mortise::doctor {

// Each module once, whichever tokens share it.
void CheckLibraries(const std::vector<config::Token>& tokens, const Linker& linker,
                    CheckList& list);

// Of versions such as "GLIBC_2.38", the newest that is beyond `have` ("2.36"); else empty.
std::string NewerThan(const std::vector<std::string>& versions, const std::string& have);

}  // namespace mortise::doctor
