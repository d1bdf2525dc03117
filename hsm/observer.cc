// SPDX-License-Identifier: Apache-2.0
#include "hsm/observer.h"

namespace mortise::hsm {

std::string_view Name(OperationKind kind) {
  switch (kind) {
    case OperationKind::kWrap:
      return "wrap";
    case OperationKind::kUnwrap:
      return "unwrap";
    case OperationKind::kCanary:
      return "canary";
    case OperationKind::kSelfTest:
      return "self_test";
    case OperationKind::kInventory:
      return "inventory";
  }
  return "unwrap";
}

}  // namespace mortise::hsm
