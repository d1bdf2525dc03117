// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>

#include "cli/http_get.h"

namespace mortise::cli {

// The /statusz of whoever serves metrics there; the path of `url` does not matter. Throws
// Error as HttpGet does, and kInternal for a page that is none, or of another version.
nlohmann::ordered_json FetchStatusz(HttpUrl url, std::chrono::milliseconds timeout);

}  // namespace mortise::cli
