// SPDX-License-Identifier: Apache-2.0
#include "test/support/fault_module/roles.h"

#include <optional>
#include <stdexcept>
#include <string>

namespace mortise::test {
namespace {

constexpr std::uint32_t kIvActs = BitOf(Act::kWrittenBack) | BitOf(Act::kAppended) |
                                  BitOf(Act::kAppendedSixteen) | BitOf(Act::kPrepended) |
                                  BitOf(Act::kMessageRandom) | BitOf(Act::kFipsNoCaller);

template <typename Role>
struct Named {
  std::string_view word;
  Role role;
};

constexpr auto kActs = std::to_array<Named<Act>>({
#define X(name, word) {word, Act::k##name},
    MORTISE_ACTS(X)
#undef X
});
constexpr auto kLies = std::to_array<Named<Lie>>({
#define X(name, word) {word, Lie::k##name},
    MORTISE_LIES(X)
#undef X
});

template <typename Table>
auto Find(const Table& table, std::string_view word) -> std::optional<decltype(table[0].role)> {
  for (const auto& [name, role] : table) {
    if (name == word) return role;
  }
  return std::nullopt;
}

std::uint64_t Number(std::string_view text) {
  std::size_t used = 0;
  const std::string copy(text);
  const std::uint64_t number = std::stoull(copy, &used, 0);
  if (used != copy.size()) throw std::invalid_argument("not a number: " + copy);
  return number;
}

// TYPE or TYPE:VALUE.
void AddRule(RoleControl& roles, AttributeEffect effect, std::string_view text) {
  const std::uint32_t count = roles.rule_count.load();
  if (count == roles.rules.size()) throw std::length_error("too many attribute rules");
  const std::size_t colon = text.find(':');
  const bool has_value = colon != std::string_view::npos;
  roles.rules[count] = {Number(text.substr(0, colon)), effect,
                        has_value ? Number(text.substr(colon + 1)) : 0};
  roles.rule_count.store(count + 1, std::memory_order_release);
}

void AddSetting(RoleControl& roles, std::string_view name, std::string_view value) {
  if (name == "label-limit") {
    roles.label_limit = static_cast<std::uint32_t>(Number(value));
  } else if (name == "token-flags") {
    roles.token_flags |= Number(value);
  } else if (name == "max-sessions") {
    roles.max_sessions = Number(value);
  } else if (name == "refuse-attribute") {
    AddRule(roles, AttributeEffect::kRefuse, value);
  } else if (name == "hide-attribute") {
    AddRule(roles, AttributeEffect::kHide, value);
  } else if (name == "report-attribute") {
    AddRule(roles, AttributeEffect::kReport, value);
  } else {
    throw std::invalid_argument("no role: " + std::string(name));
  }
}

void AddRole(RoleControl& roles, std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals != std::string_view::npos) {
    return AddSetting(roles, word.substr(0, equals), word.substr(equals + 1));
  }
  if (const auto act = Find(kActs, word)) {
    if ((BitOf(*act) & kIvActs) != 0) roles.acts &= ~kIvActs;
    roles.acts |= BitOf(*act);
  } else if (const auto lie = Find(kLies, word)) {
    roles.lies |= BitOf(*lie);
  } else {
    throw std::invalid_argument("no role: " + std::string(word));
  }
}

}  // namespace

void AddRoles(RoleControl& roles, std::string_view words) {
  while (!words.empty()) {
    const std::size_t comma = words.find(',');
    AddRole(roles, words.substr(0, comma));
    if (comma == std::string_view::npos) return;
    words.remove_prefix(comma + 1);
    while (words.starts_with(' ')) words.remove_prefix(1);
  }
}

void ClearRoles(RoleControl& roles) {
  roles.acts = 0;
  roles.lies = 0;
  roles.label_limit = 0;
  roles.token_flags = 0;
  roles.max_sessions = 0;
  roles.rule_count = 0;
}

}  // namespace mortise::test
