// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "hsm/key_creation.h"

namespace mortise::cli {

// Which scheme a keyring's new key is to have: the one that the keyring sets, or under `auto`
// the best that its policy allows and all of its tokens prove on throw-away keys, each asked in
// a process of its own with the credential of `admin`. `journal` hears what was found. Throws
// Error: kKeyRefused, naming what each token proves, when no scheme is left.
hsm::SchemeId ChooseScheme(const config::Config& config, const config::Keyring& keyring,
                           const config::AdminConfig& admin, const hsm::Journal& journal);

}  // namespace mortise::cli
