// SPDX-License-Identifier: Apache-2.0
#include "doctor/encryption_resources.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

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

struct Named {
  std::string name;
  std::size_t rule;
};

constexpr char kRefused[] = "; kube-apiserver refuses such a file";

// Two names of which one makes the other useless. Names that are equal in two rules are taken:
// the providers of both apply, one after the other.
void JudgePair(const Named& first, const Named& second, const std::string& file, CheckList& list) {
  const std::string both =
      fmt::format("{}: {} (resources[{}]) and {} (resources[{}])", file, Printable(first.name),
                  first.rule, Printable(second.name), second.rule);
  const bool is_wildcard = first.name.starts_with("*.");
  if (first.rule == second.rule) {
    if (!Stands(first.name, second.name) && !Stands(second.name, first.name)) return;
    list.Fail("resources-masked", both + " overlap in one list",
              std::string("leave one of them") + kRefused);
  } else if (is_wildcard && Stands(first.name, second.name)) {
    list.Fail("resources-masked", both + ": the first one covers the other",
              std::string("put the rule with the narrower name first") + kRefused);
  } else if (first.name == second.name) {
    list.Warn("resources-masked", both + ": the providers of both rules apply, in their order",
              "put them into one rule");
  }
}

void JudgeMasked(const EncryptionConfig& encryption, const std::string& file, CheckList& list) {
  std::vector<Named> earlier;
  for (std::size_t rule = 0; rule < encryption.rules.size(); ++rule) {
    for (const std::string& name : encryption.rules[rule].resources) {
      for (const Named& first : earlier) JudgePair(first, {name, rule}, file, list);
      earlier.push_back({name, rule});
    }
  }
}

// Why kube-apiserver takes no such name; empty: it does.
std::string ProblemOfName(const std::string& name) {
  if (std::ranges::any_of(name, [](char c) { return c >= 'A' && c <= 'Z'; }))
    return "has capital letters; write it in lower case, in the plural";
  if (name == "*") return "is no name; write \"*.\" for the core group or \"*.*\" for all";
  if (name.ends_with(".*") && name != "*.*") return "names all groups; name the group";
  if (name.ends_with(".events.k8s.io")) return "is stored as events; write events";
  if (name.ends_with(".extensions")) return "is of a group that is gone; remove it";
  return {};
}

void JudgeNames(const EncryptionConfig& encryption, const std::string& file, CheckList& list) {
  for (std::size_t rule = 0; rule < encryption.rules.size(); ++rule) {
    for (const std::string& name : encryption.rules[rule].resources) {
      const std::string problem = ProblemOfName(name);
      if (problem.empty()) continue;
      const auto [what, hint] = TakeApart(problem, "correct it");
      list.Fail("resources-name",
                fmt::format("{}: resources[{}]: {} {}", file, rule, Printable(name), what),
                hint + kRefused);
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
  JudgeNames(encryption, file, list);
  JudgeMasked(encryption, file, list);
}

}  // namespace mortise::doctor
