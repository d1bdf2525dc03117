// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>

#include "config/config.h"

namespace mortise::cli {

// Does `work` on one token in a process of its own, and gives what it gives. The
// process has the token's environment and no other, as a worker has, and the vendor's library may
// crash or hang in it: it then ends, at the latest after `limit`. Call before any thread is
// started. Rethrows the Error that `work` throws; throws kWorkerLost for a crash and kTimeout for a
// hang.
nlohmann::ordered_json RunForToken(const config::Token& token, config::Duration limit,
                                   const std::function<nlohmann::ordered_json()>& work);

}  // namespace mortise::cli
