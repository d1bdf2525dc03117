// SPDX-License-Identifier: Apache-2.0
#include "hsm/cryptoki/attribute_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "hsm/cryptoki/attributes.h"

namespace mortise::hsm {
namespace {

enum class Form { kBool, kNumber, kClass, kKeyType, kMechanism, kMechanisms, kText, kDate, kHex };

struct Known {
  CK_ATTRIBUTE_TYPE type;
  std::string_view name;
  Form form;
};

// Of PKCS#11 3.1; those that p11-kit's header (2.40) lacks by their numbers.
constexpr Known kKnown[] = {
    {CKA_CLASS, "CKA_CLASS", Form::kClass},
    {CKA_KEY_TYPE, "CKA_KEY_TYPE", Form::kKeyType},
    {CKA_LABEL, "CKA_LABEL", Form::kText},
    {CKA_ID, "CKA_ID", Form::kHex},
    {0x4, "CKA_UNIQUE_ID", Form::kText},
    {CKA_VALUE_LEN, "CKA_VALUE_LEN", Form::kNumber},
    {CKA_MODULUS, "CKA_MODULUS", Form::kHex},
    {CKA_PUBLIC_EXPONENT, "CKA_PUBLIC_EXPONENT", Form::kHex},
    {CKA_EC_PARAMS, "CKA_EC_PARAMS", Form::kHex},
    {0x129, "CKA_PUBLIC_KEY_INFO", Form::kHex},
    {CKA_CHECK_VALUE, "CKA_CHECK_VALUE", Form::kHex},
    {CKA_TOKEN, "CKA_TOKEN", Form::kBool},
    {CKA_PRIVATE, "CKA_PRIVATE", Form::kBool},
    {CKA_LOCAL, "CKA_LOCAL", Form::kBool},
    {CKA_KEY_GEN_MECHANISM, "CKA_KEY_GEN_MECHANISM", Form::kMechanism},
    {CKA_SENSITIVE, "CKA_SENSITIVE", Form::kBool},
    {CKA_ALWAYS_SENSITIVE, "CKA_ALWAYS_SENSITIVE", Form::kBool},
    {CKA_EXTRACTABLE, "CKA_EXTRACTABLE", Form::kBool},
    {CKA_NEVER_EXTRACTABLE, "CKA_NEVER_EXTRACTABLE", Form::kBool},
    {CKA_MODIFIABLE, "CKA_MODIFIABLE", Form::kBool},
    {CKA_COPYABLE, "CKA_COPYABLE", Form::kBool},
    {0x172, "CKA_DESTROYABLE", Form::kBool},
    {CKA_ENCRYPT, "CKA_ENCRYPT", Form::kBool},
    {CKA_DECRYPT, "CKA_DECRYPT", Form::kBool},
    {CKA_WRAP, "CKA_WRAP", Form::kBool},
    {CKA_UNWRAP, "CKA_UNWRAP", Form::kBool},
    {CKA_SIGN, "CKA_SIGN", Form::kBool},
    {CKA_SIGN_RECOVER, "CKA_SIGN_RECOVER", Form::kBool},
    {CKA_VERIFY, "CKA_VERIFY", Form::kBool},
    {CKA_DERIVE, "CKA_DERIVE", Form::kBool},
    {CKA_ALLOWED_MECHANISMS, "CKA_ALLOWED_MECHANISMS", Form::kMechanisms},
    {CKA_ALWAYS_AUTHENTICATE, "CKA_ALWAYS_AUTHENTICATE", Form::kBool},
    {CKA_WRAP_WITH_TRUSTED, "CKA_WRAP_WITH_TRUSTED", Form::kBool},
    {CKA_TRUSTED, "CKA_TRUSTED", Form::kBool},
    {CKA_START_DATE, "CKA_START_DATE", Form::kDate},
    {CKA_END_DATE, "CKA_END_DATE", Form::kDate},
};

struct Named {
  CK_ULONG value;
  std::string_view name;
};

std::string NameIn(std::span<const Named> names, CK_ULONG value) {
  const auto found = std::ranges::find(names, value, &Named::value);
  return found == names.end() ? fmt::format("{:#x}", value) : std::string(found->name);
}

constexpr Named kClasses[] = {{CKO_PRIVATE_KEY, "CKO_PRIVATE_KEY"},
                              {CKO_SECRET_KEY, "CKO_SECRET_KEY"}};
constexpr Named kKeyTypes[] = {
    {CKK_RSA, "CKK_RSA"},      {CKK_EC, "CKK_EC"},
    {CKK_AES, "CKK_AES"},      {CKK_GENERIC_SECRET, "CKK_GENERIC_SECRET"},
    {0x2b, "CKK_SHA256_HMAC"}, {0x40, "CKK_EC_EDWARDS"}};
constexpr Named kMechanisms[] = {{CKM_RSA_PKCS_KEY_PAIR_GEN, "CKM_RSA_PKCS_KEY_PAIR_GEN"},
                                 {CKM_RSA_PKCS_OAEP, "CKM_RSA_PKCS_OAEP"},
                                 {CKM_RSA_X9_31_KEY_PAIR_GEN, "CKM_RSA_X9_31_KEY_PAIR_GEN"},
                                 {CKM_GENERIC_SECRET_KEY_GEN, "CKM_GENERIC_SECRET_KEY_GEN"},
                                 {CKM_SHA256_HMAC, "CKM_SHA256_HMAC"},
                                 {CKM_EC_KEY_PAIR_GEN, "CKM_EC_KEY_PAIR_GEN"},
                                 {CKM_ECDSA, "CKM_ECDSA"},
                                 {0x1055, "CKM_EC_EDWARDS_KEY_PAIR_GEN"},
                                 {0x1057, "CKM_EDDSA"},
                                 {CKM_AES_KEY_GEN, "CKM_AES_KEY_GEN"},
                                 {CKM_AES_CBC, "CKM_AES_CBC"},
                                 {CKM_AES_GCM, "CKM_AES_GCM"},
                                 {0x210b, "CKM_AES_KEY_WRAP_KWP"},
                                 {0x80001087, "CKM_CLOUDHSM_AES_GCM"}};

CK_ULONG NumberIn(ByteView bytes) {
  CK_ULONG value = 0;
  std::memcpy(&value, bytes.data(), std::min(bytes.size(), sizeof(value)));
  return value;
}

std::string MechanismList(ByteView bytes) {
  std::string names;
  for (; bytes.size() >= sizeof(CK_ULONG); bytes = bytes.subspan(sizeof(CK_ULONG))) {
    names += (names.empty() ? "" : " ") + MechanismName(NumberIn(bytes));
  }
  return names;
}

std::string InWords(Form form, ByteView bytes) {
  switch (form) {
    case Form::kBool:
      return NumberIn(bytes) != 0 ? "true" : "false";
    case Form::kNumber:
      return std::to_string(NumberIn(bytes));
    case Form::kClass:
      return NameIn(kClasses, NumberIn(bytes));
    case Form::kKeyType:
      return NameIn(kKeyTypes, NumberIn(bytes));
    case Form::kMechanism: {
      const CK_ULONG mechanism = NumberIn(bytes);
      return mechanism == CK_UNAVAILABLE_INFORMATION ? "unavailable" : MechanismName(mechanism);
    }
    case Form::kMechanisms:
      return MechanismList(bytes);
    case Form::kText:
    case Form::kDate:
      return Printable(AsText(bytes), 128);
    case Form::kHex:
      break;
  }
  return ToHex(bytes);
}

}  // namespace

std::string MechanismName(CK_MECHANISM_TYPE mechanism) {
  return NameIn(kMechanisms, mechanism);
}

std::vector<ReportedAttribute> ReportAttributes(const Session& session, CK_OBJECT_HANDLE key) {
  std::vector<ReportedAttribute> report;
  for (const Known& known : kKnown) {
    const std::optional<Bytes> bytes = ReadBytes(session, key, known.type);
    // An empty date or list is what tokens answer that have none.
    const bool is_reported = bytes && !bytes->empty();
    report.push_back({std::string(known.name),
                      is_reported ? std::optional(InWords(known.form, *bytes)) : std::nullopt});
  }
  return report;
}

}  // namespace mortise::hsm
