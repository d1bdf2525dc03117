// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/problems.h"

namespace mortise::config {

struct Entry;

// One value of a YAML file and where it stands.
struct Node {
  enum class Kind { kNull, kScalar, kSequence, kMap };

  Kind kind = Kind::kNull;
  Position position;
  std::string text;            // of a scalar
  bool is_quoted = false;      // a quoted scalar is text, whatever it looks like
  std::vector<Node> items;     // of a sequence
  std::vector<Entry> entries;  // of a map, in the file's order; of equal keys the first
};

struct Entry {
  std::string key;
  Position position;  // of the key
  Node value;
};

// Reads the part of YAML that a configuration needs: one document of maps, sequences
// and scalars. Anchors, aliases, merge keys, tags and duplicate keys, all of which
// yaml-cpp takes in silence, are problems. Tells `problems` where every path stands.
// Throws ConfigError at once where the text is no such document.
Node ParseYaml(const std::string& text, Problems& problems);

// The path of an element: "tokens" and "name" give "tokens.name".
std::string Join(std::string_view path, std::string_view key);
std::string Join(std::string_view path, std::size_t index);

}  // namespace mortise::config
