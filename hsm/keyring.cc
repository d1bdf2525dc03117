// SPDX-License-Identifier: Apache-2.0
#include "hsm/keyring.h"

namespace mortise::hsm {

std::string_view Name(GenerationState state) {
  switch (state) {
    case GenerationState::kPending:
      return "pending";
    case GenerationState::kActive:
      return "active";
    case GenerationState::kDecryptOnly:
      return "decrypt_only";
    case GenerationState::kQuarantined:
      return "quarantined";
    case GenerationState::kRefused:
      return "refused";
  }
  return "refused";
}

}  // namespace mortise::hsm
