// SPDX-License-Identifier: Apache-2.0
#include "config/problems.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "config/loader.h"

namespace mortise::config {
namespace {

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Insertions, deletions, changes and swaps of neighbours that make `a` into `b`;
// upper and lower case are the same letter.
std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before, last, current(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) current[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before = std::move(last);
    last = current;
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool equal = Lower(a[i - 1]) == Lower(b[j - 1]);
      current[j] = std::min({last[j] + 1, current[j - 1] + 1, last[j - 1] + (equal ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && Lower(a[i - 1]) == Lower(b[j - 2]) &&
                           Lower(a[i - 2]) == Lower(b[j - 1]);
      if (swapped) current[j] = std::min(current[j], before[j - 2] + 1);
    }
  }
  return current[b.size()];
}

}  // namespace

Position Problems::PositionOf(std::string path) const {
  for (;;) {
    const auto found = positions_.find(path);
    if (found != positions_.end()) return found->second;
    const std::size_t cut = path.find_last_of(".[");
    if (cut == std::string::npos) return {};
    path.erase(cut);
  }
}

void Problems::Add(const std::string& path, const std::string& problem) {
  AddAt(PositionOf(path), path, problem);
}

void Problems::AddAt(Position position, const std::string& path, const std::string& problem) {
  problems_.push_back({position, path, problem});
}

bool Problems::IsSound(const std::string& path) const {
  return std::ranges::none_of(problems_,
                              [&](const Problem& problem) { return problem.path == path; });
}

void Problems::ThrowIfAny() const {
  if (problems_.empty()) return;
  std::vector<Problem> sorted = problems_;
  std::ranges::stable_sort(sorted, {}, &Problem::position);
  std::vector<std::string> lines;
  for (const auto& [position, path, text] : sorted) {
    lines.push_back(fmt::format("{}:{}:{}: {}{}{}", file_, position.line, position.column, path,
                                path.empty() ? "" : ": ", text));
  }
  throw ConfigError(std::move(lines));
}

std::string_view Nearest(std::string_view word, const std::vector<std::string_view>& words) {
  // A longer word is no typo, and would make the comparison slow.
  if (word.size() > 64) return {};
  std::string_view nearest;
  std::size_t least = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (std::string_view candidate : words) {
    const std::size_t distance = EditDistance(word, candidate);
    if (distance < least && distance < candidate.size()) {
      nearest = candidate;
      least = distance;
    }
  }
  return nearest;
}

std::string Suggestion(std::string_view word, const std::vector<std::string_view>& words) {
  const std::string_view nearest = Nearest(word, words);
  if (!nearest.empty()) return fmt::format("; did you mean \"{}\"?", nearest);
  return fmt::format("; known: {}", fmt::join(words, ", "));
}

}  // namespace mortise::config
