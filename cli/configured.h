// SPDX-License-Identifier: Apache-2.0
// What commands look up in a configuration.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace mortise::cli {

// Throws Error(kConfig) that names what there is.
const config::Keyring& FindKeyring(const config::Config& config, const std::string& name);

// Those of the keyring in order of preference; at least one.
std::vector<const config::Token*> TokensOf(const config::Config& config,
                                           const config::Keyring& keyring);

std::string HostName();

}  // namespace mortise::cli
