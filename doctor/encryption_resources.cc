// SPDX-License-Identifier: Apache-2.0
#include "doctor/encryption_resources.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/bytes.h"

namespace mortise::doctor {
namespace {

using config::EncryptionConfig;
using config::EncryptionProvider;
using config::EncryptionRule;

bool Stands(std::string_view name, std::string_view resource) {
  if (name == "*.*" || name == resource) return true;
  if (!name.starts_with("*.")) return false;
  const std::size_t dot = resource.find('.');
  const std::string_view group = dot == resource.npos ? "" : resource.substr(dot + 1);
  return name.substr(2) == group;
}

// The first rule wins.
const EncryptionRule* RuleOf(const EncryptionConfig& encryption, std::string_view resource) {
  const auto found = std::ranges::find_if(
      encryption.rules, [resource](const EncryptionRule& rule) { return Covers(rule, resource); });
  return found == encryption.rules.end() ? nullptr : &*found;
}

bool IsWrittenByKms(const EncryptionConfig& encryption, std::string_view resource) {
  const EncryptionRule* rule = RuleOf(encryption, resource);
  return rule != nullptr && !rule->providers.empty() &&
         rule->providers.front().kind == EncryptionProvider::Kind::kKms;
}

// A renewed lease is what says that a node or a controller is alive.
void JudgeCare(const EncryptionConfig& encryption, const std::string& file, CheckList& list) {
  const bool leases = IsWrittenByKms(encryption, "leases.coordination.k8s.io");
  const bool events = IsWrittenByKms(encryption, "events");
  if (!leases && !events) return;
  list.Warn("resources-care",
            fmt::format("{}: {} are encrypted too", file,
                        leases && events ? "leases and events"
                        : leases         ? "leases"
                                         : "events"),
            leases
                ? "put a rule before it: resources: [leases.coordination.k8s.io, events], "
                  "providers: [{identity: {}}]; when no token answers for minutes, leases cannot "
                  "be renewed, and nodes and controllers count as dead"
                : "put a rule before it: resources: [events], providers: [{identity: {}}]; they "
                  "are many, and hold no secrets");
}

// kube-apiserver refuses a name that an earlier rule has taken already.
void JudgeMasked(const EncryptionConfig& encryption, const std::string& file, CheckList& list) {
  std::map<std::string, std::size_t> taken;
  for (std::size_t i = 0; i < encryption.rules.size(); ++i) {
    for (const std::string& name : encryption.rules[i].resources) {
      for (const auto& [earlier, rule] : taken) {
        if (rule == i ? earlier != name : !Stands(earlier, name)) continue;
        list.Fail("resources-masked",
                  fmt::format("{}: {} in resources[{}] is covered by {} in resources[{}]", file,
                              Printable(name), i, Printable(earlier), rule),
                  "put the narrower name first, and each name once; kube-apiserver refuses such a "
                  "file");
        break;
      }
      taken.try_emplace(name, i);
    }
  }
}

}  // namespace

bool Covers(const EncryptionRule& rule, std::string_view resource) {
  return std::ranges::any_of(
      rule.resources, [resource](const std::string& name) { return Stands(name, resource); });
}

void JudgeResources(const EncryptionConfig& encryption, const std::string& file, CheckList& list) {
  if (IsWrittenByKms(encryption, "secrets")) {
    list.Pass("resources", file + ": secrets are encrypted by kms");
  } else {
    list.Warn("resources", file + ": secrets are not encrypted by kms",
              "add secrets to the resources of a rule whose first provider is kms");
  }
  JudgeCare(encryption, file, list);
  JudgeMasked(encryption, file, list);
}

}  // namespace mortise::doctor
