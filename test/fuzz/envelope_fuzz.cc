// SPDX-License-Identifier: Apache-2.0
// Any bytes either are refused with the one reason or are made again, exactly, from their parts.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/error.h"
#include "hsm/scheme/envelope.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mortise;
  const ByteView bytes(data, size);
  try {
    const hsm::Envelope envelope = hsm::Envelope::Parse(bytes);
    const std::string again =
        hsm::Serialize(envelope.scheme, envelope.iv, envelope.body, envelope.tag);
    if (again != AsText(bytes)) std::abort();
  } catch (const Error& error) {
    if (error.reason() != Reason::kCiphertextRefused) std::abort();
  }
  return 0;
}
