// SPDX-License-Identifier: Apache-2.0
#include "doctor/encryption_provider.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/bytes.h"
#include "config/duration.h"

namespace mortise::doctor {
namespace {

using config::Duration;
using config::EncryptionProvider;
using namespace std::chrono_literals;

constexpr Duration kShortTimeout = 1s;
constexpr Duration kLongestCall = 30s;  // at which Mortise ends a call by itself

void JudgeForm(const EncryptionProvider& kms, const std::string& place, CheckList& list) {
  if (kms.api_version != "v2") {
    list.Fail("provider-version",
              fmt::format("{}: kms {} has apiVersion {}", place, Printable(kms.name),
                          Printable(kms.api_version)),
              "write apiVersion: v2 (the default is v1, which kube-apiserver refuses)");
  }
  if (kms.has_cache_size) {
    list.Fail("provider-version", fmt::format("{}: cachesize is not allowed with v2", place),
              "remove it");
  }
  if (kms.name.empty() || kms.name.find(':') != kms.name.npos) {
    list.Fail("provider-name",
              fmt::format("{}: the name {} has a colon or is empty", place, Printable(kms.name)),
              "choose another one; it becomes part of what is stored and cannot change later");
  }
}

void JudgeNames(const config::EncryptionConfig& encryption, const std::string& file,
                CheckList& list) {
  std::set<std::string> names;
  for (const config::EncryptionRule& rule : encryption.rules) {
    for (const EncryptionProvider& provider : rule.providers) {
      if (provider.kind != EncryptionProvider::Kind::kKms) continue;
      if (names.insert(provider.name).second) continue;
      list.Fail("provider-name",
                fmt::format("{}: two kms providers are named {}", file, Printable(provider.name)),
                "list the resources in one rule, or give the second provider a name of its own");
    }
  }
}

const config::Keyring* KeyringAt(const std::string& endpoint, const config::Config& config) {
  constexpr std::string_view kScheme = "unix://";
  if (!endpoint.starts_with(kScheme)) return nullptr;
  const auto path = std::filesystem::path(endpoint.substr(kScheme.size())).lexically_normal();
  const auto found = std::ranges::find_if(config.keyrings, [&path](const config::Keyring& keyring) {
    return std::filesystem::path(keyring.socket).lexically_normal() == path;
  });
  return found == config.keyrings.end() ? nullptr : &*found;
}

Duration SlowestOperation(const config::Keyring& keyring, const config::Config& config) {
  Duration slowest{0};
  for (const config::Token& token : config.tokens) {
    if (std::ranges::find(keyring.tokens, token.name) == keyring.tokens.end()) continue;
    slowest = std::max(slowest, token.operation_timeout);
  }
  return slowest;
}

void JudgeTimeout(const EncryptionProvider& kms, const std::string& place,
                  const config::Keyring& keyring, const config::Config& config, CheckList& list) {
  const Duration attempt = AttemptWithin(kms.timeout, SlowestOperation(keyring, config));
  const std::string shown =
      fmt::format("{}: kube-apiserver waits {}, so each of two attempts on a token may take {}",
                  place, config::FormatDuration(kms.timeout), config::FormatDuration(attempt));
  if (kms.timeout < kShortTimeout) {
    list.Warn("provider-timeout", shown,
              "set kms.timeout to 10s: a token that starts or fails over needs more than that");
  } else if (kms.timeout > kLongestCall) {
    list.Warn("provider-timeout",
              fmt::format("{}: kube-apiserver waits {}; a call ends after 30s at most", place,
                          config::FormatDuration(kms.timeout)),
              "set kms.timeout to 10s: kube-apiserver's health check waits twice that time");
  } else {
    list.Pass("provider-timeout", shown);
  }
}

// Whether it leads to a keyring.
bool JudgeEndpoint(const EncryptionProvider& kms, const std::string& place,
                   const config::Config& config, CheckList& list) {
  const std::string shown = fmt::format("{}: {}", place, Printable(kms.endpoint, 200));
  if (const config::Keyring* keyring = KeyringAt(kms.endpoint, config)) {
    list.Pass("provider-endpoint", fmt::format("{} is keyring {}", shown, keyring->name));
    JudgeTimeout(kms, place, *keyring, config, list);
    return true;
  }
  if (kms.endpoint.starts_with("unix:///") && !kms.endpoint.starts_with("unix:///@")) {
    list.Warn("provider-endpoint", shown + " is the socket of no keyring",
              "well if it is another plugin's, or if kube-apiserver's container has the folder "
              "under that path; else write unix:// and keyrings[].socket");
  } else {
    list.Fail("provider-endpoint", shown + " is no path of a socket",
              "write unix:// and then keyrings[].socket, as in unix:///run/mortise/prod/kms.sock");
  }
  return false;
}

}  // namespace

config::Duration AttemptWithin(config::Duration timeout, config::Duration operation_timeout) {
  return std::max(Duration(0), std::min(operation_timeout, (timeout - Duration(100ms)) / 2));
}

void JudgeProviders(const config::EncryptionConfig& encryption, const std::string& file,
                    const config::Config& config, CheckList& list) {
  bool is_ours = false;
  for (std::size_t i = 0; i < encryption.rules.size(); ++i) {
    const auto& providers = encryption.rules[i].providers;
    for (std::size_t j = 0; j < providers.size(); ++j) {
      if (providers[j].kind != EncryptionProvider::Kind::kKms) continue;
      const std::string place = fmt::format("{}: resources[{}].providers[{}]", file, i, j);
      JudgeForm(providers[j], place, list);
      is_ours |= JudgeEndpoint(providers[j], place, config, list);
    }
  }
  JudgeNames(encryption, file, list);
  if (is_ours || config.keyrings.empty()) return;
  list.Fail("provider-endpoint", file + " names no socket of a keyring: kube-apiserver never calls",
            fmt::format("add a kms provider with endpoint: unix://{}", config.keyrings[0].socket));
}

}  // namespace mortise::doctor
