// SPDX-License-Identifier: Apache-2.0
// Category cluster, first half: kube-apiserver's EncryptionConfiguration.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "config/encryption_config.h"
#include "doctor/check.h"

namespace mortise::doctor {

// The files of several apiservers, which must say the same. `config` is Mortise's own.
void CheckEncryptionFiles(const std::vector<std::string>& files, const config::Config& config,
                          CheckList& list);

// One of them, called `file` in findings.
void JudgeEncryption(const config::EncryptionConfig& encryption, const std::string& file,
                     const config::Config& config, CheckList& list);

}  // namespace mortise::doctor
