// SPDX-License-Identifier: Apache-2.0
#include "doctor/check_json.h"

#include <nlohmann/json.hpp>

namespace mortise::doctor {

using Json = nlohmann::ordered_json;

Json ToJson(const std::vector<Check>& checks) {
  Json json = Json::array();
  for (const Check& check : checks) {
    json.push_back({check.category, check.id, check.status, check.what, check.hint});
  }
  return json;
}

std::vector<Check> ChecksOf(const Json& json) {
  std::vector<Check> checks;
  for (const Json& check : json) {
    checks.push_back({check.at(0), check.at(1), check.at(2), check.at(3), check.at(4)});
  }
  return checks;
}

}  // namespace mortise::doctor
