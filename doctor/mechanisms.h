// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "doctor/check.h"
#include "hsm/cryptoki/module.h"

namespace mortise::doctor {

// Whether the token names the mechanisms of the keyring's scheme, with the flags that say they
// can be used as needed; of `auto`, which schemes it could have.
void CheckMechanisms(const CK_FUNCTION_LIST& p11, CK_SLOT_ID slot, const config::Token& token,
                     const config::Keyring& keyring, CheckList& list);

}  // namespace mortise::doctor
