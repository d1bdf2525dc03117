// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "hsm/cryptoki/session.h"

namespace mortise::hsm {

// CK_ATTRIBUTE points at its value; the values live here as long as the template does.
class KeyTemplate {
 public:
  KeyTemplate() = default;
  KeyTemplate(KeyTemplate&&) = default;

  KeyTemplate& Add(CK_ATTRIBUTE_TYPE type, ByteView value);
  KeyTemplate& Add(CK_ATTRIBUTE_TYPE type, bool value);
  KeyTemplate& Add(CK_ATTRIBUTE_TYPE type, CK_ULONG value);
  // Those of `uses` that are in `allowed` true, the others false.
  KeyTemplate& AddUses(std::span<const CK_ATTRIBUTE_TYPE> uses,
                       std::span<const CK_ATTRIBUTE_TYPE> allowed);

  CK_ATTRIBUTE* data() { return attributes_.data(); }
  CK_ULONG size() const { return attributes_.size(); }

 private:
  std::vector<Bytes> values_;  // moving one keeps its heap block, so the pointers stay good
  std::vector<CK_ATTRIBUTE> attributes_;
};

// What not every token knows. The first thing to go is what protects least.
enum class Optional { kAll, kAllowedMechanisms, kNone };
inline constexpr Optional kDegrees[] = {Optional::kAll, Optional::kAllowedMechanisms,
                                        Optional::kNone};

// Where a key lives, and the name it has there.
struct KeyPlace {
  bool in_token = false;
  std::string label;
  Bytes id;
};

// The protective template of a secret key: whatever is not allowed is forbidden, since tokens
// allow more than was asked for where nothing is said, and a KEK that may WRAP gives other
// keys away.
KeyTemplate SecretKeyTemplate(const KeyPlace& place, CK_KEY_TYPE type,
                              std::span<const CK_ATTRIBUTE_TYPE> allowed,
                              CK_MECHANISM_TYPE mechanism, Optional optional);
// The same of a private key.
KeyTemplate PrivateKeyTemplate(const KeyPlace& place, CK_KEY_TYPE type, CK_ATTRIBUTE_TYPE allowed,
                               CK_MECHANISM_TYPE mechanism, Optional optional);
// Of its public key, which may be in the token for others to read.
KeyTemplate PublicKeyTemplate(const KeyPlace& place, CK_KEY_TYPE type, CK_ATTRIBUTE_TYPE allowed);

}  // namespace mortise::hsm
