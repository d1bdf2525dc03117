// SPDX-License-Identifier: Apache-2.0
// Each act is a layer of its own, which does nothing while it is not played.
#pragma once

#include <memory>

#include "test/support/fault_module/layer.h"

namespace mortise::test {

using MakeLayer = std::unique_ptr<Layer>(Layer& below);

// AWS CloudHSM's CKM_AES_GCM, ProtectServer: the caller gives twelve zeros, the token
// writes its IV there when C_Encrypt returns.
MakeLayer MakeWrittenBack;
// Thales Luna in FIPS mode: ciphertext, tag, IV. No IV may be given.
MakeLayer MakeAppended;
// AWS CloudHSM's CKM_CLOUDHSM_AES_GCM: IV, ciphertext, tag, both ways.
MakeLayer MakePrepended;
// The message functions of PKCS#11 3.0, as NSS has them.
MakeLayer MakeMessageRandom;
// No CKM_AES_GCM encryption at all: no IV is taken and none is made.
MakeLayer MakeFipsNoCaller;
// Keys are made on the token only.
MakeLayer MakeNoSessionKeys;
// CKM_AES_KEY_WRAP_KWP by C_Encrypt and C_Decrypt, from the key's own block operations.
MakeLayer MakeKwp;

}  // namespace mortise::test
