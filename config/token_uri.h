// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace mortise::config {

// What is wrong with a token's PKCS#11 URI (RFC 7512), or empty text. Only path
// attributes that describe a token, its library or its slot are taken. The answer
// never repeats the URI: it could hold a PIN.
std::string ProblemOfUri(const std::string& uri);

}  // namespace mortise::config
