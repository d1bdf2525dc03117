// SPDX-License-Identifier: Apache-2.0
#include "config/encryption_config.h"

#include <algorithm>

#include "config/problems.h"
#include "config/section.h"
#include "config/yaml_tree.h"

namespace mortise::config {
namespace {

constexpr std::string_view kApiVersion = "apiserver.config.k8s.io/v1";
constexpr std::string_view kKind = "EncryptionConfiguration";
const std::vector<std::string_view> kProviders = {"kms", "identity", "aescbc", "aesgcm",
                                                  "secretbox"};

EncryptionProvider MapKms(const Node& node, const std::string& path, Problems& problems) {
  EncryptionProvider kms{.kind = EncryptionProvider::Kind::kKms, .word = "kms"};
  Section section(node, path, problems);
  section.Text("apiVersion", kms.api_version);
  section.Text("name", kms.name, Presence::kRequired);
  section.Text("endpoint", kms.endpoint, Presence::kRequired);
  section.Time("timeout", kms.timeout, Duration(1), hours(1));
  int cache_size = 0;
  section.Int("cachesize", cache_size, 0, 1 << 30);
  section.Finish();
  kms.has_cache_size =
      std::ranges::find(node.entries, "cachesize", &Entry::key) != node.entries.end();
  return kms;
}

// A provider is a map of one key, its kind. What stands below a local one is secret.
EncryptionProvider MapProvider(const Node& node, const std::string& path, Problems& problems) {
  if (node.kind != Node::Kind::kMap || node.entries.size() != 1) {
    problems.Add(path, "must be one provider, such as identity: {}");
    return {};
  }
  const Entry& entry = node.entries.front();
  const std::string inner = Join(path, entry.key);
  if (std::ranges::find(kProviders, entry.key) == kProviders.end()) {
    problems.AddAt(entry.position, inner, "unknown provider" + Suggestion(entry.key, kProviders));
    return {};
  }
  if (entry.value.kind != Node::Kind::kMap) {
    problems.Add(inner, "must be a map; write " + entry.key + ": {}");
    return {};
  }
  if (entry.key == "kms") return MapKms(entry.value, inner, problems);
  const bool is_identity = entry.key == "identity";
  return {.kind = is_identity ? EncryptionProvider::Kind::kIdentity
                              : EncryptionProvider::Kind::kLocalKeys,
          .word = entry.key};
}

// The items of the list under `key`; a mistake where there are none.
const std::vector<Node>& ListUnder(const Node& node, std::string_view key, const std::string& path,
                                   Problems& problems) {
  static const std::vector<Node> kNone;
  const auto found = std::ranges::find(node.entries, key, &Entry::key);
  if (found != node.entries.end() && found->value.kind == Node::Kind::kSequence &&
      !found->value.items.empty()) {
    return found->value.items;
  }
  problems.Add(Join(path, key), "must be a list with at least one item");
  return kNone;
}

void RefuseOthers(const Node& node, const std::string& path,
                  const std::vector<std::string_view>& known, Problems& problems) {
  for (const Entry& entry : node.entries) {
    if (std::ranges::find(known, entry.key) != known.end()) continue;
    problems.AddAt(entry.position, Join(path, entry.key),
                   "unknown key" + Suggestion(entry.key, known));
  }
}

EncryptionRule MapRule(const Node& node, const std::string& path, Problems& problems) {
  EncryptionRule rule;
  RefuseOthers(node, path, {"resources", "providers"}, problems);
  for (const Node& item : ListUnder(node, "resources", path, problems)) {
    if (item.kind == Node::Kind::kScalar && !item.text.empty()) {
      rule.resources.push_back(item.text);
    } else {
      problems.Add(Join(path, "resources"), "must be names, such as secrets");
    }
  }
  const std::string providers = Join(path, "providers");
  for (const Node& item : ListUnder(node, "providers", path, problems)) {
    rule.providers.push_back(MapProvider(item, Join(providers, rule.providers.size()), problems));
  }
  return rule;
}

void RequireWord(const Node& root, std::string_view key, std::string_view word,
                 Problems& problems) {
  const auto found = std::ranges::find(root.entries, key, &Entry::key);
  if (found != root.entries.end() && found->value.text == word) return;
  problems.Add(std::string(key), "must be " + std::string(word));
}

}  // namespace

EncryptionConfig ParseEncryptionConfig(const std::string& text, const std::string& file) {
  Problems problems(file);
  const Node root = ParseYaml(text, problems);
  EncryptionConfig config;
  RefuseOthers(root, "", {"apiVersion", "kind", "resources"}, problems);
  RequireWord(root, "apiVersion", kApiVersion, problems);
  RequireWord(root, "kind", kKind, problems);
  for (const Node& item : ListUnder(root, "resources", "", problems)) {
    config.rules.push_back(MapRule(item, Join("resources", config.rules.size()), problems));
  }
  problems.ThrowIfAny();
  return config;
}

}  // namespace mortise::config
