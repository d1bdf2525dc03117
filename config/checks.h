// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/problems.h"

namespace mortise::config {

// What a single key cannot say: the form of names, paths and URIs, and how the parts
// refer to each other. Looks at no file. A value already found wrong is left alone.
void CheckValues(const Config& config, Problems& problems);
void CheckAdminValues(const AdminConfig& admin, const Config& config, Problems& problems);

// That every file and folder named is there, or can be made where that is our work
// (stateDir, a socket's folder, canaries), and is writable by
// nobody but root and this user.
void CheckFiles(const Config& config, Problems& problems);
void CheckAdminFiles(const AdminConfig& admin, Problems& problems);

}  // namespace mortise::config
