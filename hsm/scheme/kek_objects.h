// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hsm/cryptoki/session.h"
#include "hsm/scheme/public_key.h"

namespace mortise::hsm {

// A KEK as one token holds it, for one operation: handles are good for as long as the
// process is logged in. What a scheme does not use is not set.
struct KekObjects {
  CK_OBJECT_HANDLE wrap = CK_INVALID_HANDLE;
  CK_OBJECT_HANDLE authenticator = CK_INVALID_HANDLE;  // a MAC or signer key
  const PublicKey* wrap_public = nullptr;              // of an RSA key
  const PublicKey* signer_public = nullptr;
};

}  // namespace mortise::hsm
