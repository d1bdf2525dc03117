// SPDX-License-Identifier: Apache-2.0
#include "hsm/key_policy.h"

#include <algorithm>
#include <array>

namespace mortise::hsm {
namespace {

struct Demand {
  KeyAttribute attribute;
  std::string_view name;
  bool wanted;
};

constexpr std::array<Demand, kKeyAttributeCount> kWrapKey = {{
    {KeyAttribute::kSensitive, "CKA_SENSITIVE", true},
    {KeyAttribute::kAlwaysSensitive, "CKA_ALWAYS_SENSITIVE", true},
    {KeyAttribute::kExtractable, "CKA_EXTRACTABLE", false},
    {KeyAttribute::kNeverExtractable, "CKA_NEVER_EXTRACTABLE", true},
    {KeyAttribute::kLocal, "CKA_LOCAL", true},
    {KeyAttribute::kPrivate, "CKA_PRIVATE", true},
    {KeyAttribute::kModifiable, "CKA_MODIFIABLE", false},
    {KeyAttribute::kEncrypt, "CKA_ENCRYPT", true},
    {KeyAttribute::kDecrypt, "CKA_DECRYPT", true},
    {KeyAttribute::kWrap, "CKA_WRAP", false},
    {KeyAttribute::kUnwrap, "CKA_UNWRAP", false},
    {KeyAttribute::kSign, "CKA_SIGN", false},
    {KeyAttribute::kVerify, "CKA_VERIFY", false},
    {KeyAttribute::kDerive, "CKA_DERIVE", false},
}};

constexpr std::uint32_t kAes256Bits = 256;

Finding JudgeOne(const InventoryEntry& entry, const Demand& demand) {
  const std::uint32_t bit = 1u << static_cast<unsigned>(demand.attribute);
  if ((entry.reported & bit) == 0) return Finding::kNotReported;
  return ((entry.values & bit) != 0) == demand.wanted ? Finding::kPass : Finding::kFail;
}

bool IsWaived(const config::KeyPolicy& policy, const std::string& token,
              std::string_view attribute) {
  const auto waived = policy.waive.find(token);
  return waived != policy.waive.end() &&
         std::ranges::find(waived->second, attribute) != waived->second.end();
}

}  // namespace

std::string_view Name(Finding finding) {
  switch (finding) {
    case Finding::kPass:
      return "pass";
    case Finding::kFail:
      return "fail";
    case Finding::kNotReported:
      return "not_reported";
    case Finding::kWaived:
      return "waived";
  }
  return "fail";
}

PolicyReport JudgeWrapKey(const InventoryEntry& entry, const std::string& token,
                          const config::KeyPolicy& policy) {
  PolicyReport report;
  std::string problem;
  for (const Demand& demand : kWrapKey) {
    Finding finding = JudgeOne(entry, demand);
    if (demand.attribute == KeyAttribute::kNeverExtractable) {
      report.is_never_extractable = finding == Finding::kPass;
    } else if (finding != Finding::kPass && IsWaived(policy, token, demand.name)) {
      finding = Finding::kWaived;
    }
    report.findings.push_back({demand.name, finding});
    if (finding == Finding::kFail || finding == Finding::kNotReported) {
      problem += std::string(problem.empty() ? "" : ", ") + std::string(demand.name) +
                 (finding == Finding::kFail ? (demand.wanted ? " is false" : " is true")
                                            : " is not reported");
    }
  }
  if (entry.bits != 0 && entry.bits != kAes256Bits) {
    problem += std::string(problem.empty() ? "" : ", ") + "the key has " +
               std::to_string(entry.bits) + " bits, not 256";
  }
  if (!problem.empty()) {
    report.wrap_problem =
        problem + " (token " + token + "); " +
        (report.is_never_extractable
             ? "where the vendor explains it, waive it in keyrings[].policy.waive"
             : "CKA_NEVER_EXTRACTABLE cannot be waived: such a key may have been seen outside");
  }
  return report;
}

}  // namespace mortise::hsm
