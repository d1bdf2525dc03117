// SPDX-License-Identifier: Apache-2.0
#include "test/support/fault_module/played.h"

#include <cstdlib>

#include "test/support/fault_module/mapped_control.h"

namespace mortise::test {
namespace {

RoleControl of_environment{};

std::optional<std::uint64_t> RuleIn(const RoleControl& roles, std::uint64_t attribute,
                                    AttributeEffect effect) {
  const std::uint32_t count = roles.rule_count.load(std::memory_order_acquire);
  for (std::uint32_t i = 0; i < count; ++i) {
    const AttributeRule& rule = roles.rules[i];
    if (rule.type == attribute && rule.effect == effect) return rule.value;
  }
  return std::nullopt;
}

}  // namespace

void ReadRolesOfEnvironment() {
  if (const char* words = std::getenv(kActVariable)) AddRoles(of_environment, words);
}

bool Plays(Act act) {
  return ((TheControl().roles.acts | of_environment.acts) & BitOf(act)) != 0;
}

bool Plays(Lie lie) {
  return ((TheControl().roles.lies | of_environment.lies) & BitOf(lie)) != 0;
}

std::optional<std::uint64_t> RuleFor(std::uint64_t attribute, AttributeEffect effect) {
  if (const auto value = RuleIn(TheControl().roles, attribute, effect)) return value;
  return RuleIn(of_environment, attribute, effect);
}

std::size_t LabelLimit() {
  const std::uint32_t limit = TheControl().roles.label_limit;
  return limit != 0 ? limit : of_environment.label_limit.load();
}

std::uint64_t AddedTokenFlags() {
  return TheControl().roles.token_flags | of_environment.token_flags;
}

std::uint64_t MaxSessions() {
  const std::uint64_t most = TheControl().roles.max_sessions;
  return most != 0 ? most : of_environment.max_sessions.load();
}

}  // namespace mortise::test
