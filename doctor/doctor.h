// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "doctor/check.h"
#include "doctor/host.h"

namespace mortise::doctor {

// In the order in which they are looked at: what comes first explains what comes later.
inline constexpr std::string_view kCategories[] = {"host", "library"};

// What to look at.
struct Order {
  std::string config_file;
  std::set<std::string> categories;  // empty: all
};

// What is reached through folders that this one may not include.
struct Reach {
  LookAtSocket look_at_socket;
};

// All checks of the order, category by category. What is wrong is a finding, never thrown.
std::vector<Check> Examine(const Order& order, const Reach& reach);

}  // namespace mortise::doctor
