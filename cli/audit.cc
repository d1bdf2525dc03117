// SPDX-License-Identifier: Apache-2.0
#include "cli/audit.h"

#include "server/log.h"

namespace mortise::cli {

void Audit(const config::Log& settings, const hsm::Event& event) {
  server::Log(settings).OnEvent(event);
}

}  // namespace mortise::cli
