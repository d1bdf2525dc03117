// SPDX-License-Identifier: Apache-2.0
#include "test/support/key_maker.h"

#include <stdexcept>
#include <vector>

#include "base/random.h"
#include "hsm/scheme/key_id.h"
#include "hsm/scheme/key_label.h"

namespace mortise::test {
namespace {

Bytes IdOf(const std::string& given) {
  return given.empty() ? RandomBytes(16) : Bytes(given.begin(), given.end());
}

std::string KindOfWrapKey(const KeyToMake& key) {
  if (key.is_planted) return "planted";
  if (hsm::FactsOf(key.scheme).wrap_key == hsm::ObjectKind::kRsaPrivate) return "rsa";
  if (key.scheme == hsm::SchemeId::kAesCbcHmac) return "aes-cbc";
  return std::string(hsm::Name(key.scheme));
}

}  // namespace

std::string LabelOf(const KeyToMake& key, hsm::KeyRole role) {
  if (!key.label.empty()) return key.label + (role == hsm::KeyRole::kWrap ? "" : " authenticator");
  return hsm::FormatKeyLabel(
      {.keyring = key.keyring,
       .generation = static_cast<std::uint32_t>(key.generation),
       .activation = std::chrono::floor<std::chrono::minutes>(key.activation),
       .scheme = key.scheme,
       .context_tag = hsm::ContextTag(key.context),
       .role = role});
}

void MakeObject(const SoftHsmToken& token, const std::string& label, const std::string& cka_id,
                const std::string& kind) {
  const CommandResult made = RunCommand({MORTISE_MAKE_KEY, SoftHsmToken::Module(), token.uri(),
                                         token.pin_file(), label, ToHex(AsBytes(cka_id)), kind},
                                        token.environment());
  if (made.status != 0) throw std::runtime_error(made.err);
}

std::string MakeKey(const SoftHsmToken& token, const KeyToMake& key) {
  std::vector<hsm::KeyObject> objects = {{.role = hsm::KeyRole::kWrap, .id = IdOf(key.cka_id)}};
  if (const auto second = hsm::FactsOf(key.scheme).authenticator) {
    objects.push_back({.role = *second, .id = IdOf(key.authenticator_id)});
    MakeObject(token, LabelOf(key, *second), std::string(AsText(objects[1].id)),
               *second == hsm::KeyRole::kMac ? "mac" : key.signer);
  }
  MakeObject(token, LabelOf(key), std::string(AsText(objects[0].id)), KindOfWrapKey(key));
  if (hsm::FactsOf(key.scheme).wrap_key == hsm::ObjectKind::kRsaPrivate) return {};
  return hsm::MakeKeyId(key.keyring, key.context, static_cast<std::uint32_t>(key.generation),
                        key.scheme, objects);
}

}  // namespace mortise::test
