// SPDX-License-Identifier: Apache-2.0
#include "base/random.h"

#include <sys/random.h>

#include <cerrno>

#include "base/error.h"

namespace mortise {

void FillRandom(std::span<std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t got = getrandom(bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw Error(Reason::kInternal, "getrandom failed: " + ErrnoText(errno));
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
}

Bytes RandomBytes(std::size_t size) {
  Bytes bytes(size);
  FillRandom(bytes);
  return bytes;
}

}  // namespace mortise
