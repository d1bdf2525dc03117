// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "doctor/check.h"
#include "doctor/host.h"
#include "doctor/nodes.h"
#include "doctor/tokens.h"

namespace mortise::doctor {

// In the order in which they are looked at: what comes first explains what comes later.
inline constexpr std::string_view kCategories[] = {"host",   "library",     "token",  "key",
                                                   "crypto", "performance", "cluster"};

// What to look at.
struct Order {
  std::string config_file;
  std::set<std::string> categories;           // empty: all
  std::vector<std::string> encryption_files;  // kube-apiserver's, of one node or of several
  bool may_login = true;                      // else no PIN is sent
  std::vector<std::string> urls;              // the metrics of each node
};

// What is reached through folders that this one may not include.
struct Reach {
  LookAtSocket look_at_socket;
  ReadStatusz read_statusz;
  RunForToken run_for_token;
};

// All checks of the order, category by category. What is wrong is a finding, never thrown.
std::vector<Check> Examine(const Order& order, const Reach& reach);

}  // namespace mortise::doctor
