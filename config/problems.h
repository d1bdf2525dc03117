// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace mortise::config {

struct Position {
  int line = 1;  // both from 1
  int column = 1;

  auto operator<=>(const Position&) const = default;
};

// What is wrong with one file, collected so that all of it is told at once. A place
// in the file is named by its path, such as "tokens[0].sessions".
class Problems {
 public:
  explicit Problems(std::string file) : file_(std::move(file)) {}

  // Where a path stands; told by the parser. The first time counts.
  void Locate(const std::string& path, Position position) {
    positions_.try_emplace(path, position);
  }
  // Of the path, or of the nearest one around it that the file has.
  Position PositionOf(std::string path) const;

  void Add(const std::string& path, const std::string& problem);
  void AddAt(Position position, const std::string& path, const std::string& problem);

  // No problem is known of this very path: a later check may judge its value.
  bool IsSound(const std::string& path) const;
  bool empty() const { return problems_.empty(); }

  // Throws ConfigError with "file:line:column: path: problem" for each, in the
  // file's order, if there is any.
  void ThrowIfAny() const;

 private:
  struct Problem {
    Position position;
    std::string path;
    std::string text;
  };

  std::string file_;
  std::map<std::string, Position> positions_;
  std::vector<Problem> problems_;
};

// The one of `words` that `word` was most likely meant to be, or nothing.
std::string_view Nearest(std::string_view word, const std::vector<std::string_view>& words);

// "; did you mean \"sessions\"?", or all words where none is near.
std::string Suggestion(std::string_view word, const std::vector<std::string_view>& words);

}  // namespace mortise::config
