// SPDX-License-Identifier: Apache-2.0
#include "hsm/key_policy.h"

#include <algorithm>
#include <array>
#include <span>

#include "hsm/scheme/scheme_facts.h"

namespace mortise::hsm {
namespace {

struct Demand {
  KeyAttribute attribute;
  std::string_view name;
  bool wanted;
};

// Whatever the key is for.
constexpr std::array<Demand, 7> kProtection = {{
    {KeyAttribute::kSensitive, "CKA_SENSITIVE", true},
    {KeyAttribute::kAlwaysSensitive, "CKA_ALWAYS_SENSITIVE", true},
    {KeyAttribute::kExtractable, "CKA_EXTRACTABLE", false},
    {KeyAttribute::kNeverExtractable, "CKA_NEVER_EXTRACTABLE", true},
    {KeyAttribute::kLocal, "CKA_LOCAL", true},
    {KeyAttribute::kPrivate, "CKA_PRIVATE", true},
    {KeyAttribute::kModifiable, "CKA_MODIFIABLE", false},
}};

constexpr std::array<Demand, 7> kAesWrapKey = {{
    {KeyAttribute::kEncrypt, "CKA_ENCRYPT", true},
    {KeyAttribute::kDecrypt, "CKA_DECRYPT", true},
    {KeyAttribute::kWrap, "CKA_WRAP", false},
    {KeyAttribute::kUnwrap, "CKA_UNWRAP", false},
    {KeyAttribute::kSign, "CKA_SIGN", false},
    {KeyAttribute::kVerify, "CKA_VERIFY", false},
    {KeyAttribute::kDerive, "CKA_DERIVE", false},
}};
constexpr std::array<Demand, 4> kRsaWrapKey = {{
    {KeyAttribute::kDecrypt, "CKA_DECRYPT", true},
    {KeyAttribute::kUnwrap, "CKA_UNWRAP", false},
    {KeyAttribute::kSign, "CKA_SIGN", false},
    {KeyAttribute::kDerive, "CKA_DERIVE", false},
}};
constexpr std::array<Demand, 7> kMacKey = {{
    {KeyAttribute::kEncrypt, "CKA_ENCRYPT", false},
    {KeyAttribute::kDecrypt, "CKA_DECRYPT", false},
    {KeyAttribute::kWrap, "CKA_WRAP", false},
    {KeyAttribute::kUnwrap, "CKA_UNWRAP", false},
    {KeyAttribute::kSign, "CKA_SIGN", true},
    {KeyAttribute::kVerify, "CKA_VERIFY", true},
    {KeyAttribute::kDerive, "CKA_DERIVE", false},
}};
constexpr std::array<Demand, 4> kSigner = {{
    {KeyAttribute::kDecrypt, "CKA_DECRYPT", false},
    {KeyAttribute::kUnwrap, "CKA_UNWRAP", false},
    {KeyAttribute::kSign, "CKA_SIGN", true},
    {KeyAttribute::kDerive, "CKA_DERIVE", false},
}};

std::span<const Demand> UsesOf(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kAes:
      return kAesWrapKey;
    case ObjectKind::kRsaPrivate:
      return kRsaWrapKey;
    case ObjectKind::kMacSecret:
      return kMacKey;
    case ObjectKind::kEcPrivate:
      break;
  }
  return kSigner;
}

// Of an EC key the worker tells the curve, and shows no other than P-256 and Ed25519.
std::string SizeProblem(ObjectKind kind, std::uint32_t bits) {
  constexpr std::uint32_t kAesBits = 256, kRsaBits = 3072, kMacBits = 256;
  constexpr std::uint32_t kP256Bits = 256, kEd25519Bits = 255;
  const std::string has = "the key has " + std::to_string(bits) + " bits, ";
  switch (kind) {
    case ObjectKind::kAes:
      // Some tokens keep the length of a secret key to themselves.
      return bits == 0 || bits == kAesBits ? "" : has + "not 256";
    case ObjectKind::kMacSecret:
      return bits == 0 || bits >= kMacBits ? "" : has + "less than 256";
    case ObjectKind::kRsaPrivate:
      if (bits == 0) return "the token does not report the modulus";
      return bits >= kRsaBits ? "" : has + "less than 3072";
    case ObjectKind::kEcPrivate:
      break;
  }
  return bits == 0 || bits == kEd25519Bits || bits == kP256Bits
             ? ""
             : "the key is neither of P-256 nor of Ed25519";
}

Finding JudgeOne(const InventoryEntry& entry, const Demand& demand) {
  const std::uint32_t bit = 1u << static_cast<unsigned>(demand.attribute);
  if ((entry.reported & bit) == 0) return Finding::kNotReported;
  return ((entry.values & bit) != 0) == demand.wanted ? Finding::kPass : Finding::kFail;
}

// That a key never left is what tells one that was found by its label from one that somebody
// brought along under that label, so there it stays. A key that the reviewed keysFile names is
// named by people: one from a ceremony came into the token from outside, and may be waived.
bool MayBeWaived(KeyAttribute attribute, const config::Keyring& keyring) {
  return attribute != KeyAttribute::kNeverExtractable ||
         keyring.discovery == config::Discovery::kFile;
}

bool IsWaived(const config::KeyPolicy& policy, const std::string& token,
              std::string_view attribute) {
  const auto waived = policy.waive.find(token);
  return waived != policy.waive.end() &&
         std::ranges::find(waived->second, attribute) != waived->second.end();
}

class Judging {
 public:
  Judging(const InventoryEntry& entry, const std::string& token, const config::Keyring& keyring)
      : entry_(entry), token_(token), keyring_(keyring) {}

  void Judge(const Demand& demand) {
    const bool may_be_waived = MayBeWaived(demand.attribute, keyring_);
    Finding finding = JudgeOne(entry_, demand);
    if (demand.attribute == KeyAttribute::kNeverExtractable)
      report_.is_never_extractable = finding == Finding::kPass;
    if (finding != Finding::kPass && may_be_waived &&
        IsWaived(keyring_.policy, token_, demand.name))
      finding = Finding::kWaived;
    report_.findings.push_back({demand.name, finding});
    if (finding == Finding::kPass || finding == Finding::kWaived) return;
    (may_be_waived ? is_waivable_ : is_extractable_) = true;
    Add(std::string(demand.name) + (finding == Finding::kNotReported
                                        ? " is not reported"
                                        : (demand.wanted ? " is false" : " is true")));
  }

  void Add(const std::string& problem) {
    if (!problem.empty()) problems_ += (problems_.empty() ? "" : ", ") + problem;
  }

  PolicyReport Report() {
    if (problems_.empty()) return std::move(report_);
    report_.wrap_problem = problems_ + " (token " + token_ + ")";
    if (is_extractable_) {
      report_.wrap_problem +=
          "; CKA_NEVER_EXTRACTABLE cannot be waived: such a key may have been seen outside";
    } else if (is_waivable_) {
      report_.wrap_problem +=
          "; where the vendor explains an attribute, waive it in keyrings[].policy.waive";
    }
    return std::move(report_);
  }

 private:
  const InventoryEntry& entry_;
  const std::string& token_;
  const config::Keyring& keyring_;
  PolicyReport report_;
  std::string problems_;
  bool is_waivable_ = false;
  bool is_extractable_ = false;
};

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

std::string SchemeProblem(SchemeId scheme, const config::KeyPolicy& policy) {
  if (policy.mode != config::PolicyMode::kFips || !FactsOf(scheme).wraps_in_software) return {};
  return "scheme " + std::string(Name(scheme)) +
         " encrypts outside the token, which policy mode fips does not take; rotate to a key of "
         "another scheme";
}

PolicyReport JudgeKey(const InventoryEntry& entry, KeyRole role, SchemeId scheme,
                      const std::string& token, const config::Keyring& keyring) {
  Judging judging(entry, token, keyring);
  const ObjectKind wanted = KindOf(role, scheme);
  for (const Demand& demand : kProtection) judging.Judge(demand);
  for (const Demand& demand : UsesOf(wanted)) judging.Judge(demand);
  if (entry.kind == wanted) {
    judging.Add(SizeProblem(wanted, entry.bits));
  } else {
    judging.Add("it is no key of the kind that scheme " + std::string(Name(scheme)) + " has here");
  }
  if (role == KeyRole::kWrap) judging.Add(SchemeProblem(scheme, keyring.policy));
  return judging.Report();
}

}  // namespace mortise::hsm
