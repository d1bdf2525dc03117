// SPDX-License-Identifier: Apache-2.0
#include "hsm/cryptoki/key_template.h"

#include <algorithm>
#include <array>

namespace mortise::hsm {
namespace {

constexpr CK_ATTRIBUTE_TYPE kSecretKeyUses[] = {CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP,  CKA_UNWRAP,
                                                CKA_SIGN,    CKA_VERIFY,  CKA_DERIVE};
// C_SignRecover with raw RSA is a decryption by another name.
constexpr CK_ATTRIBUTE_TYPE kPrivateKeyUses[] = {CKA_DECRYPT, CKA_SIGN, CKA_SIGN_RECOVER,
                                                 CKA_UNWRAP, CKA_DERIVE};
constexpr CK_ATTRIBUTE_TYPE kPublicKeyUses[] = {CKA_ENCRYPT, CKA_VERIFY, CKA_WRAP};

KeyTemplate Named(const KeyPlace& place, CK_OBJECT_CLASS object_class, CK_KEY_TYPE type) {
  KeyTemplate wanted;
  wanted.Add(CKA_CLASS, object_class).Add(CKA_KEY_TYPE, type).Add(CKA_TOKEN, place.in_token);
  if (!place.label.empty()) wanted.Add(CKA_LABEL, AsBytes(place.label));
  if (!place.id.empty()) wanted.Add(CKA_ID, ByteView(place.id));
  return wanted;
}

void AddProtection(KeyTemplate& wanted, CK_MECHANISM_TYPE mechanism, Optional optional) {
  wanted.Add(CKA_PRIVATE, true)
      .Add(CKA_SENSITIVE, true)
      .Add(CKA_EXTRACTABLE, false)
      .Add(CKA_MODIFIABLE, false);
  if (optional != Optional::kNone) wanted.Add(CKA_ALLOWED_MECHANISMS, mechanism);
  if (optional == Optional::kAll) wanted.Add(CKA_COPYABLE, false);
}

}  // namespace

KeyTemplate& KeyTemplate::Add(CK_ATTRIBUTE_TYPE type, ByteView value) {
  values_.emplace_back(value.begin(), value.end());
  attributes_.push_back({type, values_.back().data(), values_.back().size()});
  return *this;
}

KeyTemplate& KeyTemplate::Add(CK_ATTRIBUTE_TYPE type, bool value) {
  const CK_BBOOL boolean = value ? CK_TRUE : CK_FALSE;
  return Add(type, ByteView(&boolean, 1));
}

KeyTemplate& KeyTemplate::Add(CK_ATTRIBUTE_TYPE type, CK_ULONG value) {
  return Add(type, ByteView(reinterpret_cast<const std::uint8_t*>(&value), sizeof(value)));
}

KeyTemplate& KeyTemplate::AddUses(std::span<const CK_ATTRIBUTE_TYPE> uses,
                                  std::span<const CK_ATTRIBUTE_TYPE> allowed) {
  for (const CK_ATTRIBUTE_TYPE use : uses) {
    Add(use, std::ranges::find(allowed, use) != allowed.end());
  }
  return *this;
}

KeyTemplate SecretKeyTemplate(const KeyPlace& place, CK_KEY_TYPE type,
                              std::span<const CK_ATTRIBUTE_TYPE> allowed,
                              CK_MECHANISM_TYPE mechanism, Optional optional) {
  KeyTemplate wanted = Named(place, CKO_SECRET_KEY, type);
  wanted.Add(CKA_VALUE_LEN, CK_ULONG{32}).AddUses(kSecretKeyUses, allowed);
  AddProtection(wanted, mechanism, optional);
  return wanted;
}

KeyTemplate PrivateKeyTemplate(const KeyPlace& place, CK_KEY_TYPE type, CK_ATTRIBUTE_TYPE allowed,
                               CK_MECHANISM_TYPE mechanism, Optional optional) {
  KeyTemplate wanted = Named(place, CKO_PRIVATE_KEY, type);
  wanted.AddUses(kPrivateKeyUses, std::array{allowed});
  AddProtection(wanted, mechanism, optional);
  return wanted;
}

KeyTemplate PublicKeyTemplate(const KeyPlace& place, CK_KEY_TYPE type, CK_ATTRIBUTE_TYPE allowed) {
  KeyTemplate wanted = Named(place, CKO_PUBLIC_KEY, type);
  wanted.AddUses(kPublicKeyUses, std::array{allowed});
  return wanted;
}

}  // namespace mortise::hsm
