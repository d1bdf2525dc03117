// SPDX-License-Identifier: Apache-2.0
#include "config/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>

#include "base/bytes.h"

namespace mortise::config {
namespace {

Position At(const YAML::Mark& mark) {
  return {mark.line + 1, mark.column + 1};
}

Node NodeAt(const YAML::Mark& mark, Node::Kind kind) {
  Node node;
  node.kind = kind;
  node.position = At(mark);
  return node;
}

// Builds the tree from yaml-cpp's events, which still have what its own nodes lose:
// duplicate keys, anchors and whether a scalar was quoted.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(Problems& problems) : problems_(problems) {}

  Node TakeRoot() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Put(NodeAt(mark, Node::Kind::kNull), "", anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    problems_.AddAt(At(mark), PathOfNext(),
                    "aliases (*name) are not supported; write the value out");
    Put(NodeAt(mark, Node::Kind::kNull), "", 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node = NodeAt(mark, Node::Kind::kScalar);
    node.text = value;
    node.is_quoted = tag == "!";
    Put(std::move(node), tag, anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(NodeAt(mark, Node::Kind::kSequence), tag, anchor);
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(NodeAt(mark, Node::Kind::kMap), tag, anchor);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Level {
    Node node;
    std::string path;
    bool has_key = false;  // of a map: the next value belongs to `key`
    std::string key;
    Position key_position;
    bool drop_value = false;  // its key is a duplicate or no text
  };

  std::string PathOfNext() const {
    if (levels_.empty()) return "";
    const Level& level = levels_.back();
    if (level.node.kind == Node::Kind::kSequence) return Join(level.path, level.node.items.size());
    return level.has_key ? Join(level.path, level.key) : level.path;
  }

  void RefuseExtras(const Node& node, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) {
      problems_.AddAt(node.position, PathOfNext(), "anchors (&name) are not supported; remove it");
    }
    if (!tag.empty() && tag != "?" && tag != "!") {
      problems_.AddAt(node.position, PathOfNext(), "tags (!name) are not supported; remove it");
    }
  }

  void Put(Node node, const std::string& tag, YAML::anchor_t anchor) {
    RefuseExtras(node, tag, anchor);
    Attach(std::move(node));
  }

  void Open(Node node, const std::string& tag, YAML::anchor_t anchor) {
    RefuseExtras(node, tag, anchor);
    std::string path = PathOfNext();
    levels_.push_back(
        {.node = std::move(node), .path = std::move(path), .key = {}, .key_position = {}});
  }

  void Close() {
    Node node = std::move(levels_.back().node);
    levels_.pop_back();
    Attach(std::move(node));
  }

  void Attach(Node node) {
    if (levels_.empty()) {
      root_ = std::move(node);
      return;
    }
    Level& level = levels_.back();
    if (level.node.kind == Node::Kind::kSequence) {
      problems_.Locate(PathOfNext(), node.position);
      level.node.items.push_back(std::move(node));
    } else if (!level.has_key) {
      TakeKey(level, node);
    } else {
      if (!level.drop_value) {
        problems_.Locate(PathOfNext(), node.position);
        level.node.entries.push_back({level.key, level.key_position, std::move(node)});
      }
      level.has_key = false;
    }
  }

  void TakeKey(Level& level, const Node& node) {
    level.has_key = true;
    level.key = node.text;
    level.key_position = node.position;
    level.drop_value = true;
    const std::string path = Join(level.path, level.key);
    if (node.kind != Node::Kind::kScalar) {
      problems_.AddAt(node.position, level.path, "a key must be a single word");
    } else if (level.key == "<<" && !node.is_quoted) {
      problems_.AddAt(node.position, path, "merge keys are not supported; write the keys out");
    } else if (std::ranges::any_of(level.node.entries,
                                   [&](const Entry& entry) { return entry.key == level.key; })) {
      problems_.AddAt(
          node.position, path,
          "duplicate key; the first is at line " + std::to_string(problems_.PositionOf(path).line));
    } else {
      level.drop_value = false;
    }
  }

  Problems& problems_;
  Node root_;
  std::vector<Level> levels_;
};

// yaml-cpp would take other encodings, and put a stand-in for what it cannot read.
void RequireUtf8(const std::string& text, Problems& problems) {
  const std::size_t good = Utf8Prefix(text);
  if (good == text.size()) return;
  const std::string_view before = std::string_view(text).substr(0, good);
  const std::size_t line_start = before.rfind('\n') + 1;  // 0 if there is none
  problems.AddAt({static_cast<int>(std::ranges::count(before, '\n')) + 1,
                  static_cast<int>(good - line_start) + 1},
                 "", "not UTF-8");
  problems.ThrowIfAny();
}

}  // namespace

Node ParseYaml(const std::string& text, Problems& problems) {
  RequireUtf8(text, problems);
  TreeBuilder builder(problems);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) {
      problems.Add("", "the file is empty");
      problems.ThrowIfAny();
    }
    Problems of_second("");
    TreeBuilder second(of_second);
    if (parser.HandleNextDocument(second)) {
      problems.Add("", "holds more than one document (---); only one is allowed");
    }
  } catch (const YAML::Exception& error) {
    problems.AddAt(At(error.mark), "", "not YAML: " + Printable(error.msg, 200));
    problems.ThrowIfAny();
  }
  return builder.TakeRoot();
}

std::string Join(std::string_view path, std::string_view key) {
  const std::string shown = Printable(key);
  return path.empty() ? shown : std::string(path) + "." + shown;
}

std::string Join(std::string_view path, std::size_t index) {
  return std::string(path) + "[" + std::to_string(index) + "]";
}

}  // namespace mortise::config
