// SPDX-License-Identifier: Apache-2.0
// A token may hold any label, and a client may send any key_id: what parses is canonical.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/bytes.h"
#include "hsm/scheme/key_id.h"
#include "hsm/scheme/key_label.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mortise;
  const std::string_view text = AsText(ByteView(data, size));
  if (const auto label = hsm::ParseKeyLabel(text)) {
    if (hsm::FormatKeyLabel(*label) != text) std::abort();
  }
  if (const auto parts = hsm::ParseKeyId(text)) {
    if (parts->keyring + "." + std::to_string(parts->generation) + "." + parts->digest != text) {
      std::abort();
    }
  }
  return 0;
}
