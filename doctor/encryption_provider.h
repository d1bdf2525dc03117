// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "config/config.h"
#include "config/encryption_config.h"
#include "doctor/check.h"

namespace mortise::doctor {

// The kms providers: version, name, where they lead to, and how long kube-apiserver waits.
void JudgeProviders(const config::EncryptionConfig& encryption, const std::string& file,
                    const config::Config& config, CheckList& list);

// What an attempt on a token has, when kube-apiserver waits that long (DESIGN: attempt limit).
config::Duration AttemptWithin(config::Duration timeout, config::Duration operation_timeout);

}  // namespace mortise::doctor
