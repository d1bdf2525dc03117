// SPDX-License-Identifier: Apache-2.0
#include "doctor/mechanisms.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <string_view>
#include <vector>

namespace mortise::doctor {
namespace {

struct Need {
  CK_MECHANISM_TYPE mechanism;
  std::string_view name;
  CK_FLAGS flags;
  std::string_view flag_names;
};

constexpr CK_FLAGS kBothWays = CKF_ENCRYPT | CKF_DECRYPT;
constexpr std::string_view kBothWaysNames = "CKF_ENCRYPT and CKF_DECRYPT";

constexpr Need kGcm{CKM_AES_GCM, "CKM_AES_GCM", kBothWays, kBothWaysNames};
constexpr Need kKwp{CKM_AES_KEY_WRAP_KWP, "CKM_AES_KEY_WRAP_KWP", kBothWays, kBothWaysNames};
constexpr Need kCbc{CKM_AES_CBC, "CKM_AES_CBC", kBothWays, kBothWaysNames};
constexpr Need kOaep{CKM_RSA_PKCS_OAEP, "CKM_RSA_PKCS_OAEP", CKF_DECRYPT, "CKF_DECRYPT"};
constexpr Need kHmac{CKM_SHA256_HMAC, "CKM_SHA256_HMAC", CKF_SIGN | CKF_VERIFY,
                     "CKF_SIGN and CKF_VERIFY"};
constexpr Need kEcdsa{CKM_ECDSA, "CKM_ECDSA", CKF_SIGN, "CKF_SIGN"};
constexpr Need kEdwards{CKM_EDDSA, "CKM_EDDSA", CKF_SIGN, "CKF_SIGN"};

struct SchemeNeeds {
  std::string_view scheme;
  std::vector<Need> all_of;
  std::vector<Need> one_of;
};

const std::vector<SchemeNeeds>& Schemes() {
  static const std::vector<SchemeNeeds> kSchemes = {
      {"aes-gcm", {kGcm}, {}},
      {"aes-kwp", {kKwp}, {}},
      {"aes-cbc-hmac", {kCbc, kHmac}, {}},
      {"rsa-oaep-hmac", {kOaep, kHmac}, {}},
      {"rsa-oaep-sign", {kOaep}, {kEdwards, kEcdsa}},
  };
  return kSchemes;
}

// What is wrong with it; empty: nothing.
std::string Lacks(const CK_FUNCTION_LIST& p11, CK_SLOT_ID slot, const Need& need) {
  if (hsm::HasMechanism(p11, slot, need.mechanism, need.flags)) return {};
  if (!hsm::HasMechanism(p11, slot, need.mechanism, 0)) {
    return fmt::format("{} is missing", need.name);
  }
  return fmt::format("{} is there, but without {}", need.name, need.flag_names);
}

std::string Lacks(const CK_FUNCTION_LIST& p11, CK_SLOT_ID slot, const SchemeNeeds& needs) {
  for (const Need& need : needs.all_of) {
    if (const std::string lack = Lacks(p11, slot, need); !lack.empty()) return lack;
  }
  std::string last;
  for (const Need& need : needs.one_of) {
    last = Lacks(p11, slot, need);
    if (last.empty()) return {};
  }
  return last;
}

// The hash of OAEP is a parameter: the mechanism is the same.
bool IsOf(std::string_view configured, const SchemeNeeds& needs) {
  return configured == needs.scheme || configured == std::string(needs.scheme) + "-sha1";
}

}  // namespace

void CheckMechanisms(const CK_FUNCTION_LIST& p11, CK_SLOT_ID slot, const config::Token& token,
                     const config::Keyring& keyring, CheckList& list) {
  std::vector<std::string> possible, lacking;
  for (const SchemeNeeds& needs : Schemes()) {
    if (keyring.scheme != "auto" && !IsOf(keyring.scheme, needs)) continue;
    const std::string lack = Lacks(p11, slot, needs);
    if (lack.empty()) {
      possible.emplace_back(needs.scheme);
    } else {
      lacking.push_back(fmt::format("{}: {}", needs.scheme, lack));
    }
  }
  const std::string subject = fmt::format("token {}, keyring {}", token.name, keyring.name);
  if (possible.empty()) {
    return list.Fail("mechanisms", fmt::format("{}: {}", subject, fmt::join(lacking, "; ")),
                     "choose a scheme that the token has (keyrings[].scheme), or allow the "
                     "mechanism in the HSM's policy; the vendor's page in docs/vendors tells more");
  }
  list.Pass("mechanisms", fmt::format("{}: the token names the mechanisms of {}{}{}", subject,
                                      fmt::join(possible, ", "), lacking.empty() ? "" : "; not of ",
                                      fmt::join(lacking, "; ")));
}

}  // namespace mortise::doctor
