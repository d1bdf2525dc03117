// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "config/config.h"
#include "hsm/worker/session_keeper.h"

namespace mortise::hsm {

struct CreatedKey {
  std::string key_id;
  std::string label;
  std::string cka_id;
  std::uint32_t generation = 1;
  WallTime activation{};
};

// Whether the token shows a key of this keyring and context already.
bool HasKeyOf(const Session& session, const config::Keyring& keyring);

// Makes the first generation of a keyring in a token that is logged in to: the key, its
// self-test, a canary of source `created`, and its place in the state folder. It is active
// at once. A key that fails on the way stays, since a service may have seen it; the message
// says so. Throws Error, kConfig when this token or this node knows a generation already.
CreatedKey CreateFirstKey(SessionKeeper& keeper, const config::Keyring& keyring,
                          const std::string& token_name, const std::string& state_dir);

}  // namespace mortise::hsm
