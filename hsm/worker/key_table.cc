// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/key_table.h"

#include <algorithm>
#include <array>

#include "hsm/scheme/key_label.h"

namespace mortise::hsm {
namespace {

// So that a page of the longest entries stays below kMaxMessageSize.
constexpr std::size_t kEntriesPerPage = 40;
constexpr std::size_t kMaxCkaIdSize = 64;

// In the order of KeyAttribute.
constexpr std::array<CK_ATTRIBUTE_TYPE, kKeyAttributeCount> kAttributes = {
    CKA_SENSITIVE,   CKA_ALWAYS_SENSITIVE,
    CKA_EXTRACTABLE, CKA_NEVER_EXTRACTABLE,
    CKA_LOCAL,       CKA_PRIVATE,
    CKA_MODIFIABLE,  CKA_ENCRYPT,
    CKA_DECRYPT,     CKA_WRAP,
    CKA_UNWRAP,      CKA_SIGN,
    CKA_VERIFY,      CKA_DERIVE,
};

std::string NameOf(std::string_view label, std::string_view cka_id) {
  std::string name(label);
  name += '\0';
  name += cka_id;
  return name;
}

void ReadAttributes(const Session& session, HeldKey& key) {
  for (std::size_t i = 0; i < kAttributes.size(); ++i) {
    const std::optional<bool> value = ReadBool(session, key.handle, kAttributes[i]);
    if (!value) continue;
    key.entry.reported |= 1u << i;
    if (*value) key.entry.values |= 1u << i;
  }
  key.entry.value_len =
      static_cast<std::uint32_t>(ReadUlong(session, key.handle, CKA_VALUE_LEN).value_or(0));
}

// Nothing: not a key of ours.
std::shared_ptr<HeldKey> ReadKey(const Session& session, CK_OBJECT_HANDLE handle) {
  const Bytes label = ReadBytes(session, handle, CKA_LABEL).value_or(Bytes());
  if (!ParseKeyLabel(AsText(label))) return nullptr;
  const Bytes cka_id = ReadBytes(session, handle, CKA_ID).value_or(Bytes());
  if (cka_id.empty() || cka_id.size() > kMaxCkaIdSize) return nullptr;
  auto key = std::make_shared<HeldKey>();
  key->handle = handle;
  key->entry.label = AsText(label);
  key->entry.cka_id = AsText(cka_id);
  ReadAttributes(session, *key);
  return key;
}

}  // namespace

std::shared_ptr<const KeyTable> KeyTable::Scan(const Session& session, const KeyTable* previous) {
  const std::vector<CK_OBJECT_HANDLE> handles = FindPrivateKeys(session, CKO_SECRET_KEY, CKK_AES);
  auto table = std::make_shared<KeyTable>();
  for (const CK_OBJECT_HANDLE handle : handles) {
    if (std::shared_ptr<HeldKey> key = ReadKey(session, handle))
      table->keys_.push_back(std::move(key));
  }
  if (previous != nullptr) {
    for (std::shared_ptr<HeldKey>& key : table->keys_) {
      const std::shared_ptr<HeldKey> held = previous->Find(key->entry.label, key->entry.cka_id);
      if (held && held->handle == key->handle) key = held;
    }
    for (const std::shared_ptr<HeldKey>& key : table->keys_) {
      if (key.use_count() > 1)
        table->by_name_.emplace(NameOf(key->entry.label, key->entry.cka_id), key);
    }
  }
  for (const std::shared_ptr<HeldKey>& key : table->keys_) {
    table->by_name_.emplace(NameOf(key->entry.label, key->entry.cka_id), key);
  }
  return table;
}

std::shared_ptr<HeldKey> KeyTable::Find(std::string_view label, std::string_view cka_id) const {
  const auto found = by_name_.find(NameOf(label, cka_id));
  return found == by_name_.end() ? nullptr : found->second;
}

InventoryPage KeyTable::Page(std::uint16_t number) const {
  const std::size_t pages =
      std::max<std::size_t>(1, (keys_.size() + kEntriesPerPage - 1) / kEntriesPerPage);
  InventoryPage page{.page = number, .pages = static_cast<std::uint16_t>(pages), .entries = {}};
  const std::size_t begin = std::min(keys_.size(), number * kEntriesPerPage);
  const std::size_t end = std::min(keys_.size(), begin + kEntriesPerPage);
  for (std::size_t i = begin; i < end; ++i) page.entries.push_back(keys_[i]->entry);
  return page;
}

}  // namespace mortise::hsm
