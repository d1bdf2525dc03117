// SPDX-License-Identifier: Apache-2.0
#include "config/section.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/bytes.h"
#include "config/duration.h"

namespace mortise::config {
namespace {

std::string_view Name(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::kNull:
      return "nothing";
    case Node::Kind::kScalar:
      return "a single value";
    case Node::Kind::kSequence:
      return "a list";
    case Node::Kind::kMap:
      return "a map";
  }
  return "";
}

// What YAML takes for a boolean, a number or nothing unless it is quoted.
bool LooksLikeNoText(std::string_view text) {
  static constexpr std::string_view kWords[] = {"true", "True", "TRUE", "false", "False", "FALSE",
                                                "null", "Null", "NULL", "~",     ""};
  if (std::ranges::find(kWords, text) != std::end(kWords)) return true;
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty()) return false;
  if (text.starts_with("0x")) {
    return text.find_first_not_of("0123456789abcdefABCDEF", 2) == std::string_view::npos;
  }
  if (!text.starts_with('.') && (text[0] < '0' || text[0] > '9')) return false;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error != std::errc::invalid_argument && end == text.data() + text.size();
}

bool HasControlByte(std::string_view text) {
  return std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

}  // namespace

Section::Section(const Node& node, std::string path, Problems& problems)
    : node_(node), path_(std::move(path)), problems_(problems) {
  RequireKind(node_, Node::Kind::kMap, path_);
}

const Node* Section::Find(std::string_view key, Presence presence) {
  known_.push_back(key);
  const auto found = std::ranges::find(node_.entries, key, &Entry::key);
  if (found != node_.entries.end()) return &found->value;
  if (presence == Presence::kRequired && node_.kind == Node::Kind::kMap) {
    problems_.Add(PathOf(key), "is missing");
  }
  return nullptr;
}

bool Section::RequireKind(const Node& node, Node::Kind kind, const std::string& path) {
  if (node.kind == kind) return true;
  // What stands for an alias, for one, has been told already.
  if (!problems_.IsSound(path)) return false;
  problems_.Add(path, fmt::format("must be {}, not {}", Name(kind), Name(node.kind)));
  return false;
}

bool Section::ReadText(const Node& node, const std::string& path, std::string& field) {
  if (!RequireKind(node, Node::Kind::kScalar, path)) return false;
  if (!node.is_quoted && LooksLikeNoText(node.text)) {
    problems_.Add(path, "must be text; put the value in quotes");
    return false;
  }
  if (HasControlByte(node.text)) {
    problems_.Add(path, "holds a line break or another control character");
    return false;
  }
  field = node.text;
  return true;
}

bool Section::ReadInteger(const Node& node, const std::string& path, std::uint64_t min,
                          std::uint64_t max, std::uint64_t& field) {
  if (!RequireKind(node, Node::Kind::kScalar, path)) return false;
  std::uint64_t value = 0;
  const std::string& text = node.text;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_number = end == text.data() + text.size() && error != std::errc::invalid_argument;
  const bool is_negative = text.size() > 1 && text[0] == '-' &&
                           text.find_first_not_of("0123456789", 1) == std::string::npos;
  const bool has_leading_zero = text.size() > 1 && text[0] == '0';
  if (node.is_quoted || has_leading_zero || (!is_number && !is_negative)) {
    problems_.Add(path, "must be a whole number, in decimal and without quotes");
    return false;
  }
  if (is_negative || error == std::errc::result_out_of_range || value < min || value > max) {
    problems_.Add(path,
                  fmt::format("{} is out of range; it may be {} to {}", Printable(text), min, max));
    return false;
  }
  field = value;
  return true;
}

bool Section::ReadTexts(const Node& node, const std::string& path,
                        std::vector<std::string>& field) {
  if (!RequireKind(node, Node::Kind::kSequence, path)) return false;
  if (node.items.empty()) problems_.Add(path, "must not be empty");
  std::vector<std::string> texts;
  bool all_sound = !node.items.empty();
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    texts.emplace_back();
    all_sound &= ReadText(node.items[i], Join(path, i), texts.back());
  }
  if (all_sound) field = std::move(texts);
  return all_sound;
}

void Section::Text(std::string_view key, std::string& field, Presence presence) {
  if (const Node* node = Find(key, presence)) ReadText(*node, PathOf(key), field);
}

void Section::Bool(std::string_view key, bool& field) {
  const Node* node = Find(key);
  if (node == nullptr || !RequireKind(*node, Node::Kind::kScalar, PathOf(key))) return;
  if (node->is_quoted || (node->text != "true" && node->text != "false")) {
    problems_.Add(PathOf(key), "must be true or false");
    return;
  }
  field = node->text == "true";
}

void Section::Int(std::string_view key, int& field, int min, int max) {
  std::uint64_t value = static_cast<std::uint64_t>(field);
  Int(key, value, static_cast<std::uint64_t>(min), static_cast<std::uint64_t>(max));
  field = static_cast<int>(value);
}

void Section::Int(std::string_view key, std::uint64_t& field, std::uint64_t min, std::uint64_t max,
                  Presence presence) {
  if (const Node* node = Find(key, presence)) ReadInteger(*node, PathOf(key), min, max, field);
}

void Section::Mode(std::string_view key, mode_t& field) {
  const Node* node = Find(key);
  if (node == nullptr || !RequireKind(*node, Node::Kind::kScalar, PathOf(key))) return;
  const std::string& text = node->text;
  const bool is_octal = node->is_quoted && text.size() == 4 && text[0] == '0' &&
                        text.find_first_not_of("01234567") == std::string::npos;
  unsigned mode = 0;
  if (is_octal) std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (!is_octal || (mode & 0600) != 0600 || (mode & ~0666U) != 0) {
    problems_.Add(
        PathOf(key),
        "must be an octal mode in quotes, \"0600\", \"0660\" or another that lets its owner "
        "read and write and nobody execute");
    return;
  }
  field = mode;
}

void Section::Time(std::string_view key, Duration& field, Duration min, Duration max) {
  const Node* node = Find(key);
  if (node == nullptr || !RequireKind(*node, Node::Kind::kScalar, PathOf(key))) return;
  const std::optional<Duration> time = ParseDuration(node->text);
  if (!time) {
    problems_.Add(PathOf(key),
                  "must be a time with its unit (h, m, s, ms), such as 30s, 250ms or 1h30m");
  } else if (*time < min || *time > max) {
    problems_.Add(PathOf(key),
                  fmt::format("{} is out of range; it may be {} to {}", Printable(node->text),
                              FormatDuration(min), FormatDuration(max)));
  } else {
    field = *time;
  }
}

void Section::Texts(std::string_view key, std::vector<std::string>& field) {
  if (const Node* node = Find(key)) ReadTexts(*node, PathOf(key), field);
}

void Section::Uids(std::string_view key, std::vector<uid_t>& field) {
  const Node* node = Find(key);
  if (node == nullptr || !RequireKind(*node, Node::Kind::kSequence, PathOf(key))) return;
  if (node->items.empty()) problems_.Add(PathOf(key), "must not be empty: nobody could connect");
  // The highest number means "no user" to the kernel.
  constexpr std::uint64_t kMax = std::numeric_limits<uid_t>::max() - 1;
  std::vector<uid_t> uids;
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    const std::string path = Join(PathOf(key), i);
    std::uint64_t uid = 0;
    if (!ReadInteger(node->items[i], path, 0, kMax, uid)) continue;
    if (std::ranges::find(uids, uid) != uids.end()) problems_.Add(path, "is listed twice");
    uids.push_back(static_cast<uid_t>(uid));
  }
  if (!uids.empty()) field = std::move(uids);
}

void Section::TextMap(std::string_view key, std::map<std::string, std::string>& field) {
  const Node* node = Find(key);
  if (node == nullptr || !RequireKind(*node, Node::Kind::kMap, PathOf(key))) return;
  for (const Entry& entry : node->entries) {
    ReadText(entry.value, Join(PathOf(key), entry.key), field[entry.key]);
  }
}

void Section::TextsMap(std::string_view key,
                       std::map<std::string, std::vector<std::string>>& field) {
  const Node* node = Find(key);
  if (node == nullptr || !RequireKind(*node, Node::Kind::kMap, PathOf(key))) return;
  for (const Entry& entry : node->entries) {
    ReadTexts(entry.value, Join(PathOf(key), entry.key), field[entry.key]);
  }
}

void Section::Map(std::string_view key, const std::function<void(Section&)>& read) {
  const Node* node = Find(key);
  if (node == nullptr) return;
  Section section(*node, PathOf(key), problems_);
  read(section);
  section.Finish();
}

void Section::Maps(std::string_view key, const std::function<void(Section&)>& read) {
  const Node* node = Find(key, Presence::kRequired);
  if (node == nullptr || !RequireKind(*node, Node::Kind::kSequence, PathOf(key))) return;
  if (node->items.empty()) problems_.Add(PathOf(key), "must not be empty");
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    Section section(node->items[i], Join(PathOf(key), i), problems_);
    read(section);
    section.Finish();
  }
}

void Section::Finish() {
  for (const Entry& entry : node_.entries) {
    if (std::ranges::find(known_, entry.key) != known_.end()) continue;
    problems_.AddAt(entry.position, PathOf(entry.key),
                    "unknown key" + Suggestion(entry.key, known_));
  }
}

void Section::AddUnknownWord(const std::string& path, const std::string& word,
                             const std::vector<std::string_view>& words) {
  problems_.Add(path, fmt::format("\"{}\" is unknown{}", Printable(word), Suggestion(word, words)));
}

}  // namespace mortise::config
