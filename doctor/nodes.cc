// SPDX-License-Identifier: Apache-2.0
#include "doctor/nodes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/error.h"

namespace mortise::doctor {
namespace {

using Json = nlohmann::ordered_json;

struct Node {
  std::string url;
  Json statusz;
};

// Text of a field that may be null or missing: an older node lacks some.
std::string TextOf(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? Printable(found->get<std::string>(), 200)
                                                     : "";
}

void JudgeNode(const Node& node, CheckList& list) {
  const std::string shown =
      fmt::format("{} runs version {}", node.url, TextOf(node.statusz, "version"));
  std::vector<std::string> problems;
  for (const Json& keyring : node.statusz.value("keyrings", Json::array())) {
    if (keyring.value("ready", false)) continue;
    problems.push_back(
        fmt::format("keyring {}: {}", TextOf(keyring, "name"), TextOf(keyring, "problem")));
  }
  if (problems.empty()) return list.Pass("node", shown + " and is ready");
  list.Fail(
      "node", fmt::format("{} and is not ready: {}", shown, fmt::join(problems, "; ")),
      fmt::format("run `mortise doctor` on that node, or: mortise status --url {}", node.url));
}

std::vector<Node> ReadNodes(const std::vector<std::string>& urls, const ReadStatusz& read,
                            CheckList& list) {
  std::vector<Node> nodes;
  for (const std::string& url : urls) {
    try {
      nodes.push_back({url, read(url)});
      JudgeNode(nodes.back(), list);
    } catch (const Error& error) {
      list.Fail("node", fmt::format("{}: {}", url, error.what()),
                "see that `mortise serve` runs there, and that metrics.address can be reached from "
                "here");
    }
  }
  return nodes;
}

// value -> the nodes that have it.
using Answers = std::map<std::string, std::vector<std::string>>;

std::string Shown(const Answers& answers) {
  std::vector<std::string> parts;
  for (const auto& [value, urls] : answers) {
    parts.push_back(fmt::format("{}: {}", value.empty() ? "none" : value, fmt::join(urls, ", ")));
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

void JudgeKey(const std::string& keyring, const Answers& active, CheckList& list) {
  if (active.size() == 1) {
    return list.Pass(
        "nodes-key",
        fmt::format("keyring {}: all nodes wrap with {}", keyring,
                    active.begin()->first.empty() ? "no key yet" : active.begin()->first));
  }
  list.Fail(
      "nodes-key",
      fmt::format("keyring {}: the nodes wrap with different keys ({})", keyring, Shown(active)),
      "look again after a minute, for nodes switch by their own clocks; then see that all "
      "use the same token (tokens[].uri) and that their clocks agree");
}

void JudgeContext(const std::string& keyring, const Answers& contexts, CheckList& list) {
  if (contexts.contains("")) {
    return list.Skip("nodes-context",
                     fmt::format("keyring {}: a node does not tell its context", keyring));
  }
  if (contexts.size() == 1) {
    return list.Pass("nodes-context",
                     fmt::format("keyring {}: all nodes have the same context", keyring));
  }
  list.Fail(
      "nodes-context",
      fmt::format("keyring {}: the nodes have different contexts ({})", keyring, Shown(contexts)),
      "set the same keyrings[].context on every node of a cluster: what one wraps, the others "
      "cannot open");
}

void JudgePending(const std::string& keyring, const Answers& known, CheckList& list) {
  if (known.size() <= 1) return;
  list.Warn("nodes-generations",
            fmt::format("keyring {}: the nodes know different keys ({})", keyring, Shown(known)),
            "look again after keyrings[].rescanInterval; a node that still lacks a key must not "
            "be the reason for an outage when the others switch to it");
}

void JudgeVersions(const std::vector<Node>& nodes, CheckList& list) {
  Answers versions;
  for (const Node& node : nodes) {
    versions[fmt::format("{} ({})", TextOf(node.statusz, "version"),
                         TextOf(node.statusz, "revision"))]
        .push_back(node.url);
  }
  if (versions.size() == 1) {
    return list.Pass("nodes-version", "all nodes run " + versions.begin()->first);
  }
  list.Warn("nodes-version", fmt::format("the nodes run different versions ({})", Shown(versions)),
            "finish the upgrade before a new key becomes active");
}

std::string Generations(const Json& keyring) {
  std::vector<std::string> ids;
  for (const Json& generation : keyring.value("generations", Json::array())) {
    ids.push_back(TextOf(generation, "keyId"));
  }
  return fmt::format("{}", fmt::join(ids, " "));
}

struct KeyringAnswers {
  Answers active, contexts, known;
  std::size_t nodes = 0;
};

void JudgeKeyrings(const std::vector<Node>& nodes, CheckList& list) {
  std::map<std::string, KeyringAnswers> keyrings;
  for (const Node& node : nodes) {
    for (const Json& keyring : node.statusz.value("keyrings", Json::array())) {
      KeyringAnswers& answers = keyrings[TextOf(keyring, "name")];
      answers.active[TextOf(keyring, "activeKeyId")].push_back(node.url);
      answers.contexts[TextOf(keyring, "contextTag")].push_back(node.url);
      answers.known[Generations(keyring)].push_back(node.url);
      ++answers.nodes;
    }
  }
  for (const auto& [name, answers] : keyrings) {
    if (answers.nodes < nodes.size()) {
      list.Fail(
          "nodes-keyring",
          fmt::format("keyring {} is served by {} of {} nodes", name, answers.nodes, nodes.size()),
          "give every node of a cluster the same keyrings");
    }
    JudgeContext(name, answers.contexts, list);
    JudgeKey(name, answers.active, list);
    JudgePending(name, answers.known, list);
  }
}

}  // namespace

void CheckNodes(const std::vector<std::string>& urls, const ReadStatusz& read, CheckList& list) {
  const std::vector<Node> nodes = ReadNodes(urls, read, list);
  if (nodes.size() < 2) {
    return list.Skip("nodes-equal", "there are no two nodes to compare; give each by --urls");
  }
  JudgeVersions(nodes, list);
  JudgeKeyrings(nodes, list);
}

}  // namespace mortise::doctor
