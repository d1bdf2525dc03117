// SPDX-License-Identifier: Apache-2.0
#include "hsm/cryptoki/attributes.h"

#include <array>
#include <cstring>

#include "hsm/cryptoki/return_codes.h"

namespace mortise::hsm {
namespace {

// Ends the search whatever happens inside it, or the session would stay busy.
class Search {
 public:
  Search(const Session& session, std::span<CK_ATTRIBUTE> wanted) : session_(session) {
    Check(session.p11().C_FindObjectsInit(session.handle(), wanted.data(), wanted.size()),
          "C_FindObjectsInit");
  }
  ~Search() { session_.p11().C_FindObjectsFinal(session_.handle()); }
  Search(const Search&) = delete;
  Search& operator=(const Search&) = delete;

  // Appends the next objects; false when there are no more.
  bool Next(std::vector<CK_OBJECT_HANDLE>& objects) {
    std::array<CK_OBJECT_HANDLE, 256> some;
    CK_ULONG count = 0;
    Check(session_.p11().C_FindObjects(session_.handle(), some.data(), some.size(), &count),
          "C_FindObjects");
    objects.insert(objects.end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(count));
    return count > 0;
  }

 private:
  const Session& session_;
};

std::vector<CK_OBJECT_HANDLE> Find(const Session& session, CK_OBJECT_CLASS object_class,
                                   CK_KEY_TYPE key_type, bool only_private) {
  CK_BBOOL yes = CK_TRUE;
  std::array<CK_ATTRIBUTE, 4> wanted = {{
      {CKA_CLASS, &object_class, sizeof(object_class)},
      {CKA_KEY_TYPE, &key_type, sizeof(key_type)},
      {CKA_TOKEN, &yes, sizeof(yes)},
      {CKA_PRIVATE, &yes, sizeof(yes)},
  }};
  Search search(session, std::span(wanted).first(only_private ? 4 : 3));
  std::vector<CK_OBJECT_HANDLE> objects;
  while (search.Next(objects)) {
  }
  return objects;
}

}  // namespace

std::optional<Bytes> ReadBytes(const Session& session, CK_OBJECT_HANDLE object,
                               CK_ATTRIBUTE_TYPE type) {
  std::array<std::uint8_t, 1024> buffer;
  CK_ATTRIBUTE attribute{type, buffer.data(), buffer.size()};
  CK_RV rv = session.p11().C_GetAttributeValue(session.handle(), object, &attribute, 1);
  if (rv == CKR_BUFFER_TOO_SMALL) {
    // NSS softokn wants exactly this size for a number of a token object, and no more.
    attribute = {type, buffer.data(), sizeof(CK_ULONG)};
    rv = session.p11().C_GetAttributeValue(session.handle(), object, &attribute, 1);
  }
  if (rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE ||
      rv == CKR_BUFFER_TOO_SMALL ||
      rv == CKR_GENERAL_ERROR) {  // SoftHSM 2.6.1 says so for the dates of a private key
    return std::nullopt;
  }
  Check(rv, "C_GetAttributeValue");
  if (attribute.ulValueLen > buffer.size()) return std::nullopt;
  return Bytes(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(attribute.ulValueLen));
}

std::optional<bool> ReadBool(const Session& session, CK_OBJECT_HANDLE object,
                             CK_ATTRIBUTE_TYPE type) {
  const std::optional<CK_ULONG> value = ReadUlong(session, object, type);
  return value ? std::optional<bool>(*value != 0) : std::nullopt;
}

std::optional<CK_ULONG> ReadUlong(const Session& session, CK_OBJECT_HANDLE object,
                                  CK_ATTRIBUTE_TYPE type) {
  const std::optional<Bytes> bytes = ReadBytes(session, object, type);
  // CK_BBOOL is one byte, but some tokens answer with a wider integer.
  if (!bytes || bytes->empty() || bytes->size() > sizeof(CK_ULONG)) return std::nullopt;
  CK_ULONG value = 0;
  std::memcpy(&value, bytes->data(), bytes->size());
  return value;
}

std::vector<CK_OBJECT_HANDLE> FindPrivateKeys(const Session& session, CK_OBJECT_CLASS object_class,
                                              CK_KEY_TYPE key_type) {
  return Find(session, object_class, key_type, true);
}

std::vector<CK_OBJECT_HANDLE> FindKeys(const Session& session, CK_OBJECT_CLASS object_class,
                                       CK_KEY_TYPE key_type) {
  return Find(session, object_class, key_type, false);
}

}  // namespace mortise::hsm
