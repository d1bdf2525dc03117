// SPDX-License-Identifier: Apache-2.0
#include "hsm/scheme/key_id.h"

#include <algorithm>
#include <vector>

#include "base/digest.h"
#include "base/error.h"
#include "hsm/scheme/key_label.h"

namespace mortise::hsm {
namespace {

constexpr std::size_t kDigestSize = 8;
constexpr std::size_t kSmallestIdWithoutSalt = 8;

void RequireDistinctId(std::string_view keyring, const KeyObject& object) {
  if (object.id.size() >= kSmallestIdWithoutSalt || !object.salt.empty()) return;
  throw Error(Reason::kConfig,
              "keyring " + std::string(keyring) + ": the CKA_ID " + ToHex(object.id) +
                  " is shorter than 8 bytes, so it may not be unique; give the key a `salt:` of "
                  "random bytes in the keysFile");
}

}  // namespace

std::string_view Name(KeyRole role) {
  switch (role) {
    case KeyRole::kWrap:
      return "wrap";
    case KeyRole::kMac:
      return "mac";
    case KeyRole::kSigner:
      break;
  }
  return "signer";
}

std::string MakeKeyId(std::string_view keyring, std::string_view context, std::uint32_t generation,
                      SchemeId scheme, std::span<const KeyObject> objects) {
  constexpr std::string_view kDomain("mortise.key_id.v1\0", 18);
  std::vector<const KeyObject*> by_role;
  for (const KeyObject& object : objects) by_role.push_back(&object);
  std::stable_sort(by_role.begin(), by_role.end(),
                   [](const KeyObject* a, const KeyObject* b) { return a->role < b->role; });

  Sha256 hash;
  hash.Add(kDomain).AddLp(keyring).AddLp(context).AddU32(generation);
  hash.AddU8(static_cast<std::uint8_t>(scheme)).AddU8(static_cast<std::uint8_t>(objects.size()));
  for (const KeyObject* object : by_role) {
    RequireDistinctId(keyring, *object);
    hash.AddU8(static_cast<std::uint8_t>(object->role)).AddLp(object->id).Add(object->salt);
    hash.AddLp(object->public_key_digest);
  }
  const Digest digest = hash.Finish();
  return std::string(keyring) + "." + std::to_string(generation) + "." +
         ToHex(ByteView(digest).first(kDigestSize));
}

std::optional<KeyIdParts> ParseKeyId(std::string_view text) {
  const std::size_t last = text.rfind('.');
  if (last == std::string_view::npos || last == 0) return std::nullopt;
  const std::size_t first = text.rfind('.', last - 1);
  if (first == std::string_view::npos) return std::nullopt;

  const std::string_view keyring = text.substr(0, first);
  const auto generation = ParseGeneration(text.substr(first + 1, last - first - 1));
  const std::string_view digest = text.substr(last + 1);
  if (!IsKeyringName(keyring) || !generation || !IsLowerHex(digest, 2 * kDigestSize)) {
    return std::nullopt;
  }
  return KeyIdParts{std::string(keyring), *generation, std::string(digest)};
}

}  // namespace mortise::hsm
