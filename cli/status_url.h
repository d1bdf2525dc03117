// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace mortise::cli {

// The URL under which this machine reaches metrics.address. Throws Error(kConfig) when
// it cannot be told: metrics are off, or port 0 lets the system choose.
std::string StatusUrl(const std::string& metrics_address);

}  // namespace mortise::cli
