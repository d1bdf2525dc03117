// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "hsm/observer.h"

namespace mortise::cli {

// One line with `event` on standard error, in the form that the service's log has: what
// a command changed is found where the service's own events are.
void Audit(const config::Log& settings, const hsm::Event& event);

}  // namespace mortise::cli
