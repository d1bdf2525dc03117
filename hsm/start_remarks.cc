// SPDX-License-Identifier: Apache-2.0
#include "hsm/start_remarks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "hsm/assurance.h"

namespace mortise::hsm {

std::vector<Event> StartRemarks(const config::Config& config, WallTime now) {
  std::vector<Event> remarks;
  for (const config::Keyring& keyring : config.keyrings) {
    for (const auto& [token, attributes] : keyring.policy.waive) {
      const std::string names = fmt::format("{}", fmt::join(attributes, ","));
      remarks.push_back(
          {.severity = Severity::kWarning,
           .name = "policy_waiver",
           .message = fmt::format("keys of keyring {} may wrap on token {} whatever it says of {}: "
                                  "keyrings[].policy.waive",
                                  keyring.name, token, names),
           .fields = {{"keyring", keyring.name}, {"token", token}, {"attributes", names}}});
    }
  }
  for (const config::Token& token : config.tokens) {
    if (!token.assurance || !CompareAssurance(*token.assurance, {}, now).has_ended) continue;
    remarks.push_back(
        {.severity = Severity::kWarning,
         .name = "assurance_ended",
         .message = fmt::format("the certificate that is stated for token {} was valid until {}; "
                                "see its successor, and correct tokens[].assurance",
                                token.name, token.assurance->valid_until),
         .fields = {{"token", token.name}, {"certificate", token.assurance->certificate}}});
  }
  return remarks;
}

}  // namespace mortise::hsm
