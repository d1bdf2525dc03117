// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/key_table.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

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

using FullName = std::pair<std::string_view, std::string_view>;
FullName NameOf(const std::shared_ptr<HeldKey>& key) {
  return {key->entry.label, key->entry.cka_id};
}

bool Says(const HeldKey& key, KeyAttribute attribute) {
  return (key.entry.reported & key.entry.values & 1u << static_cast<unsigned>(attribute)) != 0;
}

bool SaysTheSame(const HeldKey& one, const HeldKey& other) {
  const auto all = [](const InventoryEntry& entry) {
    return std::tuple(entry.reported, entry.values, entry.bits, entry.public_key_digest);
  };
  return all(one.entry) == all(other.entry);
}

// Who can write objects can give them any name, but cannot make the token say that it
// made the key itself and never let it out. What was there before beats a newcomer.
struct Ranked {
  std::shared_ptr<HeldKey> key;
  std::tuple<bool, bool, bool> credibility;
};
Ranked Rank(std::shared_ptr<HeldKey> key, bool was_held) {
  const std::tuple credibility(
      key->opens_canary.load(),
      Says(*key, KeyAttribute::kNeverExtractable) && Says(*key, KeyAttribute::kLocal), was_held);
  return {std::move(key), credibility};
}
bool ComesBefore(const Ranked& a, const Ranked& b) {
  if (NameOf(a.key) != NameOf(b.key)) return NameOf(a.key) < NameOf(b.key);
  return a.credibility > b.credibility;
}

void ReadAttributes(const Session& session, HeldKey& key) {
  for (std::size_t i = 0; i < kAttributes.size(); ++i) {
    const std::optional<bool> value = ReadBool(session, key.handle, kAttributes[i]);
    if (!value) continue;
    key.entry.reported |= 1u << i;
    if (*value) key.entry.values |= 1u << i;
  }
  key.entry.bits =
      static_cast<std::uint32_t>(ReadUlong(session, key.handle, CKA_VALUE_LEN).value_or(0) * 8);
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

KekObjects HeldKek::objects() const {
  KekObjects objects{.wrap = wrap->handle};
  if (wrap->public_key) objects.wrap_public = &*wrap->public_key;
  if (!authenticator) return objects;
  objects.authenticator = authenticator->handle;
  if (authenticator->public_key) objects.signer_public = &*authenticator->public_key;
  return objects;
}

std::shared_ptr<const KeyTable> KeyTable::Scan(const Session& session, const KeyTable* previous) {
  const auto held_before = [&](const std::shared_ptr<HeldKey>& key) -> std::shared_ptr<HeldKey> {
    if (previous == nullptr) return nullptr;
    const Keys held = previous->FindAll(key->entry.label, key->entry.cka_id);
    const auto same = std::ranges::find(held, key->handle, &HeldKey::handle);
    // What other attributes show may be another object by now: nothing is known of it.
    return same == held.end() || !SaysTheSame(**same, *key) ? nullptr : *same;
  };
  std::vector<Ranked> ranked;
  for (const CK_OBJECT_HANDLE handle : FindPrivateKeys(session, CKO_SECRET_KEY, CKK_AES)) {
    std::shared_ptr<HeldKey> key = ReadKey(session, handle);
    if (!key) continue;
    std::shared_ptr<HeldKey> held = held_before(key);
    ranked.push_back(held ? Rank(std::move(held), true) : Rank(std::move(key), false));
  }
  std::ranges::stable_sort(ranked, ComesBefore);
  auto table = std::make_shared<KeyTable>();
  for (Ranked& one : ranked) table->keys_.push_back(std::move(one.key));
  return table;
}

std::shared_ptr<HeldKey> KeyTable::Find(std::string_view label, std::string_view cka_id) const {
  const Keys found = FindAll(label, cka_id);
  return found.empty() ? nullptr : found.front();
}

KeyTable::Keys KeyTable::FindAll(std::string_view label, std::string_view cka_id) const {
  return std::ranges::equal_range(keys_, FullName(label, cka_id), {}, NameOf);
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
