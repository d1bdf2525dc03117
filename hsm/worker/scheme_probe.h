// SPDX-License-Identifier: Apache-2.0
// What a token can do, found out on throw-away keys and never from its name or version: the
// one place where tokens' peculiarities are known, as capabilities.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "hsm/cryptoki/session.h"
#include "hsm/scheme/envelope.h"

namespace mortise::hsm {

enum class ProbeVerdict {
  kProved,      // it passed the self-test
  kRefused,     // the token has it and does not do it right, or forbids it
  kNotOffered,  // the mechanism or the functions are not there
  kUntried,     // the token makes no throw-away key for it
};

struct ProbeResult {
  SchemeId scheme = SchemeId::kAesGcm;
  config::IvMode iv_mode = config::IvMode::kAuto;  // of aes-gcm; else kAuto
  ProbeVerdict verdict = ProbeVerdict::kNotOffered;
  std::string why;  // unless proved
};
using ProbeTable = std::vector<ProbeResult>;

// One scheme, aes-gcm in that IV mode. Opens sessions of its own beside the given one, whose
// token is logged in. Throws Error where the token is not to be had.
ProbeResult ProbeScheme(const Session& session, SchemeId scheme,
                        config::IvMode iv_mode = config::IvMode::kAuto);

// Every scheme, aes-gcm in every IV mode. Takes seconds: it makes an RSA pair.
ProbeTable ProbeAll(const Session& session);

// For `ivMode: auto`: the best that is proved. Throws Error(kKeyRefused) where none is; where the
// token makes no throw-away keys it says that tokens[].ivMode must be set.
config::IvMode FindIvMode(const Session& session);

// For `scheme: auto`: the best that every one of these tokens proves: aes-gcm with the token's
// own IVs, aes-kwp, aes-gcm by messages, aes-gcm with the caller's IVs, aes-cbc-hmac, and RSA
// where nothing else is left.
std::optional<SchemeId> BestScheme(std::span<const ProbeTable> tokens);

std::string_view Name(ProbeVerdict verdict);  // "proved", "refused", "not offered", "not tried"

}  // namespace mortise::hsm
