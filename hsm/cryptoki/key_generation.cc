// SPDX-License-Identifier: Apache-2.0
#include "hsm/cryptoki/key_generation.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "hsm/cryptoki/attributes.h"
#include "hsm/cryptoki/return_codes.h"

namespace mortise::hsm {
namespace {

// CK_ATTRIBUTE points at its value; the values live here as long as the template does.
class Template {
 public:
  Template() = default;
  Template(Template&&) = default;

  Template& Add(CK_ATTRIBUTE_TYPE type, ByteView value) {
    values_.emplace_back(value.begin(), value.end());
    attributes_.push_back({type, values_.back().data(), values_.back().size()});
    return *this;
  }
  Template& Add(CK_ATTRIBUTE_TYPE type, bool value) {
    const CK_BBOOL boolean = value ? CK_TRUE : CK_FALSE;
    return Add(type, ByteView(&boolean, 1));
  }
  Template& Add(CK_ATTRIBUTE_TYPE type, CK_ULONG value) {
    return Add(type, ByteView(reinterpret_cast<const std::uint8_t*>(&value), sizeof(value)));
  }
  std::vector<CK_ATTRIBUTE>& attributes() { return attributes_; }

 private:
  std::vector<Bytes> values_;  // moving one keeps its heap block, so the pointers stay good
  std::vector<CK_ATTRIBUTE> attributes_;
};

// What not every token knows. The first thing to go is what protects least.
enum class Optional { kAll, kAllowedMechanisms, kNone };

Template KekTemplate(const std::string& label, ByteView id, CK_MECHANISM_TYPE mechanism,
                     Optional optional) {
  Template wanted;
  wanted.Add(CKA_CLASS, CK_ULONG{CKO_SECRET_KEY})
      .Add(CKA_KEY_TYPE, CK_ULONG{CKK_AES})
      .Add(CKA_VALUE_LEN, CK_ULONG{32})
      .Add(CKA_LABEL, AsBytes(label))
      .Add(CKA_ID, id)
      .Add(CKA_TOKEN, true)
      .Add(CKA_PRIVATE, true)
      .Add(CKA_SENSITIVE, true)
      .Add(CKA_EXTRACTABLE, false)
      .Add(CKA_MODIFIABLE, false)
      .Add(CKA_ENCRYPT, true)
      .Add(CKA_DECRYPT, true);
  // Tokens allow more than was asked for where nothing is said: a KEK that may WRAP
  // gives other keys away.
  for (const CK_ATTRIBUTE_TYPE use : {CKA_WRAP, CKA_UNWRAP, CKA_SIGN, CKA_VERIFY, CKA_DERIVE}) {
    wanted.Add(use, false);
  }
  if (optional != Optional::kNone) wanted.Add(CKA_ALLOWED_MECHANISMS, mechanism);
  if (optional == Optional::kAll) wanted.Add(CKA_COPYABLE, false);
  return wanted;
}

// NSS softokn says GENERAL_ERROR where the standard has a code for it.
bool MayBeTheTemplate(CK_RV rv) {
  return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_VALUE_INVALID ||
         rv == CKR_TEMPLATE_INCONSISTENT || rv == CKR_GENERAL_ERROR;
}

CK_OBJECT_HANDLE Generate(const Session& session, const std::string& label, ByteView id,
                          CK_MECHANISM_TYPE mechanism) {
  CK_RV rv = CKR_OK;
  for (const Optional optional : {Optional::kAll, Optional::kAllowedMechanisms, Optional::kNone}) {
    Template wanted = KekTemplate(label, id, mechanism, optional);
    CK_MECHANISM generation{CKM_AES_KEY_GEN, nullptr, 0};
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    rv = session.p11().C_GenerateKey(session.handle(), &generation, wanted.attributes().data(),
                                     wanted.attributes().size(), &key);
    if (rv == CKR_OK) return key;
    if (!MayBeTheTemplate(rv)) break;
  }
  throw MakeError(rv, "C_GenerateKey");
}

}  // namespace

CK_OBJECT_HANDLE GenerateAesKey(const Session& session, const std::string& label, ByteView id,
                                CK_MECHANISM_TYPE mechanism) {
  const CK_OBJECT_HANDLE key = Generate(session, label, id, mechanism);
  const Bytes stored_label = ReadBytes(session, key, CKA_LABEL).value_or(Bytes());
  const Bytes stored_id = ReadBytes(session, key, CKA_ID).value_or(Bytes());
  if (AsText(stored_label) == label &&
      std::equal(id.begin(), id.end(), stored_id.begin(), stored_id.end())) {
    return key;
  }
  DestroyObject(session, key);
  throw Error(
      Reason::kKeyRefused,
      fmt::format("the token stored the key's label as \"{}\" and its id as {} instead of \"{}\" "
                  "and {}; the key was destroyed; choose a keyring with a shorter name",
                  Printable(AsText(stored_label)), ToHex(stored_id), label, ToHex(id)));
}

CK_OBJECT_HANDLE GenerateThrowAwayAesKey(const Session& session) {
  Template wanted;
  wanted.Add(CKA_CLASS, CK_ULONG{CKO_SECRET_KEY})
      .Add(CKA_KEY_TYPE, CK_ULONG{CKK_AES})
      .Add(CKA_VALUE_LEN, CK_ULONG{32})
      .Add(CKA_TOKEN, false)
      .Add(CKA_PRIVATE, true)
      .Add(CKA_ENCRYPT, true)
      .Add(CKA_DECRYPT, true);
  CK_MECHANISM generation{CKM_AES_KEY_GEN, nullptr, 0};
  CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
  Check(session.p11().C_GenerateKey(session.handle(), &generation, wanted.attributes().data(),
                                    wanted.attributes().size(), &key),
        "C_GenerateKey");
  return key;
}

void DestroyObject(const Session& session, CK_OBJECT_HANDLE object) {
  Check(session.p11().C_DestroyObject(session.handle(), object), "C_DestroyObject");
}

}  // namespace mortise::hsm
