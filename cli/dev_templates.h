// SPDX-License-Identifier: Apache-2.0
// The files of a `mortise dev` folder. Paths are plain: dev_folder.cc sees to that.
#pragma once

#include <sys/types.h>

#include <string>

namespace mortise::cli {

struct DevSettings {
  std::string folder;
  std::string module;
  std::string context;
  std::string metrics_address;
  uid_t uid = 0;  // who may connect, beside root
};

std::string MortiseYaml(const DevSettings& settings);
std::string AdminYaml(const std::string& folder);

// softhsm-config/softhsm2.conf.in, which is built in.
std::string SoftHsmConfiguration(const std::string& token_folder);

// What kube-apiserver reads by --encryption-provider-config.
std::string EncryptionConfiguration(const std::string& socket);

}  // namespace mortise::cli
