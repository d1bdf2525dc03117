// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "doctor/check.h"

namespace mortise::doctor {

// The state folder, without making or changing anything in it: a doctor that ran as root
// before the first start would leave a folder that the service cannot use.
void CheckStateDir(const std::string& path, CheckList& list);

}  // namespace mortise::doctor
