// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/key_table.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "hsm/scheme/key_label.h"
#include "hsm/worker/public_half_search.h"

namespace mortise::hsm {
namespace {

constexpr std::size_t kMaxLabelSize = 255;
constexpr std::size_t kMaxCkaIdSize = 255;  // Google's is the path of the key
constexpr std::size_t kEntriesPerPage = 13;
// Names, attributes and a public key's digest, with their lengths.
constexpr std::size_t kMaxEntrySize = kMaxLabelSize + kMaxCkaIdSize + 64;
static_assert(sizeof(ReplyHead) + kEntriesPerPage * kMaxEntrySize + 16 < kMaxMessageSize);

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

bool SaysTheSame(const InventoryEntry& one, const InventoryEntry& other) {
  const auto all = [](const InventoryEntry& entry) {
    return std::tuple(entry.kind, entry.reported, entry.values, entry.bits,
                      entry.public_key_digest);
  };
  return all(one) == all(other);
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

// A private key has no such attributes; its public half has.
bool MayHave(ObjectKind kind, CK_ATTRIBUTE_TYPE attribute) {
  const bool is_secret = kind == ObjectKind::kAes || kind == ObjectKind::kMacSecret;
  return is_secret ||
         (attribute != CKA_ENCRYPT && attribute != CKA_WRAP && attribute != CKA_VERIFY);
}

void ReadAttributes(const Session& session, HeldKey& key) {
  for (std::size_t i = 0; i < kAttributes.size(); ++i) {
    if (!MayHave(key.entry.kind, kAttributes[i])) continue;
    const std::optional<bool> value = ReadBool(session, key.handle, kAttributes[i]);
    if (!value) continue;
    key.entry.reported |= 1u << i;
    if (*value) key.entry.values |= 1u << i;
  }
}

// What tells its material apart, where a token tells that.
void ReadMaterial(const Session& session, HeldKey& key) {
  key.public_key = FindPublicHalf(session, key.handle, key.entry.kind);
  if (key.public_key) {
    key.entry.bits = static_cast<std::uint32_t>(key.public_key->bits());
    key.entry.public_key_digest = AsText(key.public_key->spki_digest());
  } else {
    key.entry.bits =
        static_cast<std::uint32_t>(ReadUlong(session, key.handle, CKA_VALUE_LEN).value_or(0) * 8);
  }
}

class Scanner {
 public:
  Scanner(const Session& session, const KeyTable* previous, const std::set<NameDigest>& wanted)
      : session_(session), previous_(previous), wanted_(wanted) {}

  std::vector<std::shared_ptr<HeldKey>> Run() {
    Search(CKO_SECRET_KEY, CKK_AES, ObjectKind::kAes);
    Search(CKO_PRIVATE_KEY, CKK_RSA, ObjectKind::kRsaPrivate);
    if (Needs(KeyRole::kMac)) {
      Search(CKO_SECRET_KEY, CKK_GENERIC_SECRET, ObjectKind::kMacSecret);
      Search(CKO_SECRET_KEY, CKK_SHA256_HMAC, ObjectKind::kMacSecret);
    }
    if (Needs(KeyRole::kSigner)) {
      Search(CKO_PRIVATE_KEY, CKK_EC, ObjectKind::kEcPrivate);
      Search(CKO_PRIVATE_KEY, CKK_EC_EDWARDS, ObjectKind::kEcPrivate);
    }
    std::ranges::stable_sort(ranked_, ComesBefore);
    std::vector<std::shared_ptr<HeldKey>> keys;
    for (Ranked& one : ranked_) keys.push_back(std::move(one.key));
    return keys;
  }

 private:
  bool Needs(KeyRole role) const { return !wanted_.empty() || roles_.contains(role); }

  void Search(CK_OBJECT_CLASS object_class, CK_KEY_TYPE key_type, ObjectKind kind) {
    // What a keysFile lists need not be private: some tokens have no such objects.
    const auto find = wanted_.empty() ? FindPrivateKeys : FindKeys;
    for (const CK_OBJECT_HANDLE handle : find(session_, object_class, key_type)) {
      std::shared_ptr<HeldKey> key = Read(handle, kind);
      if (!key) continue;
      std::shared_ptr<HeldKey> held = HeldBefore(*key);
      ranked_.push_back(held ? Rank(std::move(held), true) : Rank(std::move(key), false));
    }
  }

  // Nothing: not a key of ours.
  std::shared_ptr<HeldKey> Read(CK_OBJECT_HANDLE handle, ObjectKind kind) {
    auto key = std::make_shared<HeldKey>();
    key->handle = handle;
    key->entry.kind = kind;
    const Bytes label = ReadBytes(session_, handle, CKA_LABEL).value_or(Bytes());
    key->entry.label = AsText(label);
    std::optional<KeyLabel> ours = ParseKeyLabel(key->entry.label);
    if (!ours && wanted_.empty()) return nullptr;
    // Anyone can put an object that is not private there, with any label.
    if (!wanted_.empty() && !ReadBool(session_, handle, CKA_PRIVATE).value_or(false)) ours.reset();
    const Bytes cka_id = ReadBytes(session_, handle, CKA_ID).value_or(Bytes());
    key->entry.cka_id = AsText(cka_id);
    if (label.size() > kMaxLabelSize || cka_id.empty() || cka_id.size() > kMaxCkaIdSize)
      return nullptr;
    if (!ours && !IsWanted(key->entry)) return nullptr;
    if (ours) NoteScheme(*ours);
    ReadAttributes(session_, *key);
    ReadMaterial(session_, *key);
    return key;
  }

  bool IsWanted(const InventoryEntry& entry) const {
    return wanted_.contains(DigestOfLabel(entry.label)) ||
           wanted_.contains(DigestOfCkaId(entry.cka_id));
  }

  void NoteScheme(const KeyLabel& label) {
    if (const auto role = FactsOf(label.scheme).authenticator) roles_.insert(*role);
  }

  std::shared_ptr<HeldKey> HeldBefore(const HeldKey& key) const {
    if (previous_ == nullptr) return nullptr;
    const KeyTable::Keys held = previous_->FindAll(key.entry.label, key.entry.cka_id);
    const auto same = std::ranges::find(held, key.handle, &HeldKey::handle);
    // A public half that was proved stays so. The object that told it may be gone or hidden
    // among others, which anyone can bring about without a login.
    if (same == held.end()) return nullptr;
    InventoryEntry shown = key.entry;
    if (!key.public_key) shown.public_key_digest = (*same)->entry.public_key_digest;
    // What other attributes show may be another object by now: nothing is known of it.
    return SaysTheSame((*same)->entry, shown) ? *same : nullptr;
  }

  const Session& session_;
  const KeyTable* previous_;
  const std::set<NameDigest>& wanted_;
  std::set<KeyRole> roles_;  // of second keys, of the schemes that labels tell of
  std::vector<Ranked> ranked_;
};

}  // namespace

KekObjects HeldKek::objects() const {
  KekObjects objects{.wrap = wrap->handle};
  if (wrap->public_key) objects.wrap_public = &*wrap->public_key;
  if (!authenticator) return objects;
  objects.authenticator = authenticator->handle;
  if (authenticator->public_key) objects.signer_public = &*authenticator->public_key;
  return objects;
}

std::shared_ptr<const KeyTable> KeyTable::Scan(const Session& session, const KeyTable* previous,
                                               const std::set<NameDigest>& wanted) {
  auto table = std::make_shared<KeyTable>();
  table->keys_ = Scanner(session, previous, wanted).Run();
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
