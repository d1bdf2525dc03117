// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/problems.h"
#include "config/yaml_tree.h"

namespace mortise::config {

// One word of an enumeration. A word whose feature is not in this version is refused
// as such, not as unknown.
template <typename T>
struct Word {
  std::string_view word;
  T value;
  bool is_available = true;
};

enum class Presence { kOptional, kRequired };

// One map of the file. Each key is asked for once, by its name and the field it sets; a
// field keeps its default when the key is absent or wrong. Then Finish() reports every
// key that nobody asked for. Works on a node that is no map, too: that is the problem
// then, and nothing is read.
class Section {
 public:
  Section(const Node& node, std::string path, Problems& problems);

  void Text(std::string_view key, std::string& field, Presence presence = Presence::kOptional);
  void Bool(std::string_view key, bool& field);
  void Int(std::string_view key, int& field, int min, int max);
  void Int(std::string_view key, std::uint64_t& field, std::uint64_t min, std::uint64_t max,
           Presence presence = Presence::kOptional);
  // A socket's mode, as "0600": read and write bits only, and the owner has both.
  void Mode(std::string_view key, mode_t& field);
  void Time(std::string_view key, Duration& field, Duration min, Duration max);
  void Texts(std::string_view key, std::vector<std::string>& field);
  void Uids(std::string_view key, std::vector<uid_t>& field);
  void TextMap(std::string_view key, std::map<std::string, std::string>& field);
  void TextsMap(std::string_view key, std::map<std::string, std::vector<std::string>>& field);

  template <typename Field, typename T, std::size_t kSize>
  void Choice(std::string_view key, Field& field, const Word<T> (&words)[kSize],
              Presence presence = Presence::kOptional);

  // Hands the map under `key` to `read`; an absent one is not read.
  void Map(std::string_view key, const std::function<void(Section&)>& read);
  // The same for each map of a sequence, which must have at least one.
  void Maps(std::string_view key, const std::function<void(Section&)>& read);

  void Finish();

 private:
  const Node* Find(std::string_view key, Presence presence = Presence::kOptional);
  std::string PathOf(std::string_view key) const { return Join(path_, key); }
  bool ReadText(const Node& node, const std::string& path, std::string& field);
  bool ReadInteger(const Node& node, const std::string& path, std::uint64_t min, std::uint64_t max,
                   std::uint64_t& field);
  bool ReadTexts(const Node& node, const std::string& path, std::vector<std::string>& field);
  bool RequireKind(const Node& node, Node::Kind kind, const std::string& path);
  void AddUnknownWord(const std::string& path, const std::string& word,
                      const std::vector<std::string_view>& words);

  const Node& node_;
  std::string path_;
  Problems& problems_;
  std::vector<std::string_view> known_;
};

template <typename Field, typename T, std::size_t kSize>
void Section::Choice(std::string_view key, Field& field, const Word<T> (&words)[kSize],
                     Presence presence) {
  const Node* node = Find(key, presence);
  std::string word;
  if (node == nullptr || !ReadText(*node, PathOf(key), word)) return;
  std::vector<std::string_view> available;
  for (const Word<T>& candidate : words) {
    if (candidate.is_available) available.push_back(candidate.word);
    if (candidate.word != word) continue;
    if (candidate.is_available) {
      field = candidate.value;
    } else {
      problems_.Add(PathOf(key), "\"" + word +
                                     "\" is not available in this version; leave the key "
                                     "out to have its default");
    }
    return;
  }
  AddUnknownWord(PathOf(key), word, available);
}

}  // namespace mortise::config
