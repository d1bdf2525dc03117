// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>

namespace mortise::hsm {

// The key_ids under which Decrypt is refused: the names of files in quarantine/. The content
// does not matter. Throws Error(kStateUnusable) where the folder cannot be read; a missing
// one is empty.
std::set<std::string> QuarantinedKeys(const std::string& state_dir);

// The key_ids that were destroyed: tombstones/<key_id>.json, likewise. A damaged tombstone
// still counts, since the key it names must not come back.
std::set<std::string> DestroyedKeys(const std::string& state_dir);

}  // namespace mortise::hsm
