// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/digest.h"
#include "base/secret_bytes.h"
#include "hsm/scheme/scheme.h"

namespace mortise::hsm {

// D for an envelope with this header (FORMATS.md, Binding).
Digest BindingFor(const WrapIdentity& identity,
                  const std::array<std::uint8_t, kEnvelopeHeaderSize>& header);

// D ‖ n ‖ seed: the payload of the schemes that have no additional authenticated data.
SecretBytes BoundPayload(const Digest& binding, ByteView seed);
// Throws Error(kCiphertextRefused) unless it is exactly that, of the same D.
SecretBytes OpenBoundPayload(const Digest& binding, ByteView payload);

// n ‖ seed ‖ zeros, up to whole AES blocks.
SecretBytes PaddedPayload(ByteView seed);
// Throws Error(kCiphertextRefused) unless it is exactly that.
SecretBytes OpenPaddedPayload(ByteView payload);

// Throws Error(kProofFailed) where a token gave back as ciphertext what it was to encrypt.
void RequireEncrypted(ByteView output, ByteView seed);

}  // namespace mortise::hsm
