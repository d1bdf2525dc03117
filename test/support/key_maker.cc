// SPDX-License-Identifier: Apache-2.0
#include "test/support/key_maker.h"

#include <stdexcept>

#include "base/random.h"
#include "hsm/scheme/key_id.h"
#include "hsm/scheme/key_label.h"

namespace mortise::test {

std::string MakeKey(const SoftHsmToken& token, const KeyToMake& key) {
  const std::string label =
      hsm::FormatKeyLabel({.keyring = key.keyring,
                           .generation = static_cast<std::uint32_t>(key.generation),
                           .activation = std::chrono::floor<std::chrono::minutes>(key.activation),
                           .context_tag = hsm::ContextTag(key.context)});
  const Bytes id =
      key.cka_id.empty() ? RandomBytes(16) : Bytes(key.cka_id.begin(), key.cka_id.end());
  std::vector<std::string> command = {
      MORTISE_MAKE_KEY, SoftHsmToken::Module(), token.uri(), token.pin_file(), label, ToHex(id)};
  if (key.is_planted) command.emplace_back("planted");
  const CommandResult made = RunCommand(command, token.environment());
  if (made.status != 0) throw std::runtime_error(made.err);
  const hsm::KeyObject object{
      .role = hsm::KeyRole::kWrap, .id = id, .public_key_digest = {}, .salt = {}};
  return hsm::MakeKeyId(key.keyring, key.context, static_cast<std::uint32_t>(key.generation),
                        hsm::SchemeId::kAesGcm, {&object, 1});
}

}  // namespace mortise::test
