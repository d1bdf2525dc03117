// SPDX-License-Identifier: Apache-2.0
#include "hsm/scheme/binding.h"

#include <string_view>

namespace mortise::hsm {

Digest Binding(Purpose purpose, std::span<const std::uint8_t, 4> envelope_header,
               std::string_view keyring, std::string_view context, std::string_view key_id) {
  constexpr std::string_view kDomain("mortise.binding.v1\0", 19);
  return Sha256()
      .Add(kDomain)
      .AddU8(static_cast<std::uint8_t>(purpose))
      .Add(ByteView(envelope_header))
      .AddLp(keyring)
      .AddLp(context)
      .AddLp(key_id)
      .Finish();
}

}  // namespace mortise::hsm
