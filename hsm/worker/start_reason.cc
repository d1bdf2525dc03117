// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/start_reason.h"

namespace mortise::hsm {

std::string_view Name(StartReason reason) {
  switch (reason) {
    case StartReason::kFirst:
      return "first";
    case StartReason::kExited:
      return "exited";
    case StartReason::kHung:
      return "hung";
    case StartReason::kSick:
      return "sick";
    case StartReason::kIsolation:
      return "isolation";
    case StartReason::kRescan:
      return "rescan";
  }
  return "first";
}

}  // namespace mortise::hsm
