// SPDX-License-Identifier: Apache-2.0
#include "doctor/encryption.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "config/loader.h"
#include "doctor/encryption_provider.h"
#include "doctor/encryption_resources.h"

namespace mortise::doctor {
namespace {

using config::EncryptionConfig;
using config::EncryptionProvider;
using config::EncryptionRule;
using Kind = EncryptionProvider::Kind;

bool HasLocalKeys(const EncryptionConfig& encryption) {
  return std::ranges::any_of(encryption.rules, [](const EncryptionRule& rule) {
    return std::ranges::any_of(rule.providers, [](const EncryptionProvider& provider) {
      return provider.kind == Kind::kLocalKeys;
    });
  });
}

void CheckPermissions(const std::string& file, const EncryptionConfig& encryption,
                      CheckList& list) {
  const std::string id = "encryption-permissions";
  try {
    RequireTrustedPath(file);
  } catch (const Error& error) {
    const auto [what, hint] = TakeApart(
        error.what(), "whoever may write it can turn encryption off: correct it on that node");
    return list.Fail(id, what, hint);
  }
  struct stat status {};
  const bool is_open =
      stat(file.c_str(), &status) == 0 && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0;
  const std::string repair = fmt::format("run: chmod 0600 {}", file);
  if (is_open && HasLocalKeys(encryption)) {
    list.Fail(id, file + " holds keys of local providers, and can be read by group or others",
              repair);
  } else if (is_open) {
    list.Warn(id, file + " can be read by group or others", repair);
  } else {
    list.Pass(id, file + " is its owner's alone");
  }
}

std::string Place(const std::string& file, std::size_t rule) {
  return fmt::format("{}: resources[{}]", file, rule);
}

void JudgeOrder(const EncryptionRule& rule, const std::string& place, CheckList& list) {
  const EncryptionProvider& first = rule.providers.front();
  const bool has_kms = std::ranges::find(rule.providers, Kind::kKms, &EncryptionProvider::kind) !=
                       rule.providers.end();
  const std::string kms_first =
      "put the kms provider first: the first one writes, all of them read";
  if (first.kind == Kind::kKms) {
    list.Pass("provider-order", place + ": new values are written by kms");
  } else if (has_kms || Covers(rule, "secrets")) {
    list.Fail("provider-order",
              first.kind == Kind::kIdentity
                  ? place + ": identity stands first: new values are stored without encryption"
                  : fmt::format("{}: {} stands first: new values are written with a key from the "
                                "file itself",
                                place, first.word),
              kms_first);
  } else if (first.kind == Kind::kIdentity) {
    list.Pass("provider-order", place + ": left without encryption on purpose");
  } else {
    list.Warn("provider-order", place + ": written with a key from the file itself", kms_first);
  }
  const auto identity =
      std::ranges::find(rule.providers, Kind::kIdentity, &EncryptionProvider::kind);
  if (identity != rule.providers.end() && identity != rule.providers.begin()) {
    list.Warn("provider-identity",
              place +
                  ": identity is a read provider: values without encryption are accepted, also "
                  "those that somebody put into etcd",
              "once every value has been written anew, remove identity: {}");
  }
}

using ReadFiles = std::vector<std::pair<std::string, EncryptionConfig>>;

// The texts may differ in form.
void JudgeEquality(const ReadFiles& read, CheckList& list) {
  if (read.size() < 2) return;
  const auto& [first_file, first] = read.front();
  bool are_equal = true;
  for (const auto& [file, encryption] : read) {
    if (encryption == first) continue;
    are_equal = false;
    list.Fail("encryption-equal", fmt::format("{} says something else than {}", file, first_file),
              "give every kube-apiserver the same file: what one writes, the others must read");
  }
  if (are_equal) {
    list.Pass("encryption-equal", fmt::format("all {} files say the same", read.size()));
  }
}

std::optional<EncryptionConfig> ReadOne(const std::string& file, CheckList& list) {
  try {
    EncryptionConfig encryption = config::ParseEncryptionConfig(ReadFile(file), file);
    list.Pass("encryption-config", file + " can be read");
    return encryption;
  } catch (const config::ConfigError& error) {
    for (const std::string& problem : error.problems()) {
      list.Fail("encryption-config", problem,
                "correct it: kube-apiserver does not start with such a file, and does not load it "
                "anew");
    }
  } catch (const Error& error) {
    list.Fail("encryption-config", error.what(),
              error.reason() == Reason::kPermission
                  ? "run this as a user that may read it, such as root"
                  : "name the file of kube-apiserver's --encryption-provider-config");
  }
  return std::nullopt;
}

}  // namespace

void JudgeEncryption(const EncryptionConfig& encryption, const std::string& file,
                     const config::Config& config, CheckList& list) {
  for (std::size_t i = 0; i < encryption.rules.size(); ++i) {
    JudgeOrder(encryption.rules[i], Place(file, i), list);
  }
  JudgeProviders(encryption, file, config, list);
  JudgeResources(encryption, file, list);
}

void CheckEncryptionFiles(const std::vector<std::string>& files, const config::Config& config,
                          CheckList& list) {
  ReadFiles read;
  for (const std::string& file : files) {
    const std::optional<EncryptionConfig> encryption = ReadOne(file, list);
    if (!encryption) continue;
    CheckPermissions(file, *encryption, list);
    // What several files say alike is judged once.
    const bool is_new =
        std::ranges::none_of(read, [&](const auto& known) { return known.second == *encryption; });
    read.emplace_back(file, *encryption);
    if (is_new) JudgeEncryption(*encryption, file, config, list);
  }
  JudgeEquality(read, list);
}

}  // namespace mortise::doctor
