// SPDX-License-Identifier: Apache-2.0
#include "hsm/observer.h"

namespace mortise::hsm {

std::string_view Name(OperationKind kind) {
  switch (kind) {
    case OperationKind::kWrap: return "wrap";
    case OperationKind::kUnwrap: return "unwrap";
    case OperationKind::kCanary: return "canary";
    case OperationKind::kSelfTest: return "self_test";
    case OperationKind::kInventory: return "inventory";
  }
  return "unwrap";
}

std::string_view Name(StartReason reason) {
  switch (reason) {
    case StartReason::kFirst: return "first";
    case StartReason::kExited: return "exited";
    case StartReason::kHung: return "hung";
    case StartReason::kSick: return "sick";
    case StartReason::kIsolation: return "isolation";
    case StartReason::kRescan: return "rescan";
  }
  return "first";
}

}  // namespace mortise::hsm
