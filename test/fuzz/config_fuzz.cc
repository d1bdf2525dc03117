// SPDX-License-Identifier: Apache-2.0
// Any text is refused with problems or read; and what was read, shown and read again
// is the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/bytes.h"
#include "config/loader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mortise;
  const std::string text(AsText(ByteView(data, size)));
  std::string shown;
  try {
    shown = config::Show(config::Parse(text, "fuzz.yaml"));
  } catch (const config::ConfigError& error) {
    if (error.problems().empty()) std::abort();
    return 0;
  }
  if (config::Show(config::Parse(shown, "shown.yaml")) != shown) std::abort();
  return 0;
}
