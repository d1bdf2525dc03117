// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hsm/cryptoki/session.h"

namespace mortise::hsm {

// One attribute of a key object, for a person.
struct ReportedAttribute {
  std::string name;                  // "CKA_SENSITIVE"
  std::optional<std::string> value;  // "true", "32", "CKK_AES", hex; nothing: not reported
};

// Every attribute that PKCS#11 defines for a secret or private key and that is no secret, in a
// fixed order, whether the token reports it or not. CKA_VALUE and private components are never
// asked for. Throws Error when the token fails.
std::vector<ReportedAttribute> ReportAttributes(const Session& session, CK_OBJECT_HANDLE key);

// "CKM_AES_GCM"; "0x80001087" for one without a name here.
std::string MechanismName(CK_MECHANISM_TYPE mechanism);

}  // namespace mortise::hsm
