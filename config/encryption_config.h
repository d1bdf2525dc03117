// SPDX-License-Identifier: Apache-2.0
// kube-apiserver's own file (--encryption-provider-config), as far as it concerns a KMS plugin.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace mortise::config {

// One way to store values. The first of a rule writes; all of them read.
struct EncryptionProvider {
  enum class Kind { kKms, kIdentity, kLocalKeys };
  Kind kind = Kind::kIdentity;
  std::string word;  // "kms", "identity", "aescbc", "aesgcm", "secretbox"
  // The rest is of kms alone, with kube-apiserver's defaults.
  std::string api_version = "v1";
  std::string name;
  std::string endpoint;
  Duration timeout = seconds(3);
  bool has_cache_size = false;

  bool operator==(const EncryptionProvider&) const = default;
};

struct EncryptionRule {
  std::vector<std::string> resources;
  std::vector<EncryptionProvider> providers;

  bool operator==(const EncryptionRule&) const = default;
};

struct EncryptionConfig {
  std::vector<EncryptionRule> rules;

  bool operator==(const EncryptionConfig&) const = default;
};

// Throws ConfigError with every mistake of form; keys of local providers are neither kept nor
// shown.
EncryptionConfig ParseEncryptionConfig(const std::string& text, const std::string& file);

}  // namespace mortise::config
