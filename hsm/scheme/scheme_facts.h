// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "hsm/scheme/envelope.h"
#include "hsm/scheme/key_id.h"

namespace mortise::hsm {

// What a key object is, as far as schemes tell objects apart.
enum class ObjectKind : std::uint8_t {
  kAes,         // CKO_SECRET_KEY, CKK_AES
  kMacSecret,   // CKO_SECRET_KEY, CKK_GENERIC_SECRET or CKK_SHA256_HMAC
  kRsaPrivate,  // CKO_PRIVATE_KEY, CKK_RSA
  kEcPrivate,   // CKO_PRIVATE_KEY, CKK_EC on P-256 or CKK_EC_EDWARDS on Ed25519
};

std::string_view Describe(ObjectKind kind);  // "an AES key", for messages

// What a scheme is made of, beside the lengths of its envelope.
struct SchemeFacts {
  SchemeId scheme;
  ObjectKind wrap_key;
  std::optional<KeyRole> authenticator;  // the second key's role, of the schemes that have one
  bool wraps_in_software;                // by the public half; the token only unwraps
  bool is_deterministic;                 // equal seeds give equal envelopes
};

// kAesGcmPrepended is aes-gcm in another IV mode: it stands in envelopes, never in a label.
const SchemeFacts& FactsOf(SchemeId scheme);
bool MayStandInLabel(SchemeId scheme);
// The one of that name that a key may have; nothing: there is none.
std::optional<SchemeId> SchemeNamed(std::string_view name);

// Of a key that is labelled `labelled`: aes-gcm opens both of its envelopes.
bool MayOpen(SchemeId labelled, SchemeId envelope);

// What the object of a role must be under a scheme.
ObjectKind KindOf(KeyRole role, SchemeId scheme);

}  // namespace mortise::hsm
