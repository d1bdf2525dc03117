// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/clock.h"
#include "config/config.h"
#include "hsm/canary.h"
#include "hsm/opened_token.h"
#include "hsm/scheme/envelope.h"

namespace mortise::hsm {

struct CreatedKey {
  std::string key_id;
  SchemeId scheme = SchemeId::kAesGcm;
  std::string label;   // of the wrap key's object
  std::string cka_id;  // likewise
  std::uint32_t generation = 1;
  WallTime activation{};
  Canary canary;
};

// Hears of each step when it is done, in a sentence for a transcript.
using Journal = std::function<void(const std::string&)>;

// Whether the token shows a key of this keyring and context already.
bool HasKeyOf(const Session& session, const config::Keyring& keyring);

// Makes the first generation of a keyring in a token that is logged in to: the scheme's
// objects by the token's own generator, their self-test, a canary of source `created`, and a
// place in the state folder. It is active at once. A key that fails on the way stays, since a
// service may have seen it; the message says so. Throws Error, kConfig when this token or this
// node knows a generation already.
CreatedKey CreateFirstKey(
    OpenedToken& opened, const config::Keyring& keyring, const config::Token& token,
    const std::string& state_dir, SchemeId scheme,
    const Journal& journal = [](const std::string&) {});

}  // namespace mortise::hsm
